import { describe, expect, it } from 'vitest'
import { httpSource } from '../../src/sources.js'
import { pagesOf } from '../consistency/pages.js'

interface Call {
  url: string
  method: string
  headers: Record<string, string>
  body: string | null
}

/** A server that answers what it is told to, and remembers what it was asked. */
function serve(answer: (call: Call) => Response | Promise<Response>): {
  calls: Call[]
  fetch: typeof fetch
} {
  const calls: Call[] = []
  return {
    calls,
    fetch: async (input, init = {}) => {
      const call = {
        url: String(input),
        method: init.method ?? 'GET',
        headers: Object.fromEntries(new Headers(init.headers)),
        body: (init.body as string | undefined) ?? null,
      }
      calls.push(call)
      return answer(call)
    },
  }
}

const rows = [1, 2, 'a', 'b', ['c', 1]].map((key) => ({ key, row: { id: key } }))

function table({ url, body }: Call): Response {
  if (body) {
    const { keys } = JSON.parse(body) as { keys: unknown[] }
    const asked = new Set(keys.map((key) => JSON.stringify(key)))
    return Response.json({ rows: rows.filter(({ key }) => asked.has(JSON.stringify(key))) })
  }
  const query = new URL(url).searchParams
  const after = query.get('after')
  const from = rows.findIndex(({ key }) => JSON.stringify(key) === after) + 1
  return Response.json({ rows: rows.slice(from, from + Number(query.get('limit'))) })
}

const base = { url: 'https://up.test/source', tables: ['cards'] }

describe('an HTTP source', () => {
  it('pages through a server’s rows and reads single ones', async () => {
    const { fetch, calls } = serve(table)
    const source = httpSource({ ...base, fetch })
    expect(source).toMatchObject({ name: 'server', tables: ['cards'] })
    expect(await pagesOf(source, 'cards', 2)).toEqual(rows)
    expect(await source.get('cards', [['c', 1], 2, 'none'])).toEqual([rows[1], rows[4]])
    expect(calls.map(({ url }) => url)).toContain(
      'https://up.test/source/cards?limit=2&after=%22b%22',
    )
    expect(calls.at(-1)).toMatchObject({ method: 'POST', body: '{"keys":[["c",1],2,"none"]}' })
  })

  it('sends headers that may change', async () => {
    const { fetch, calls } = serve(table)
    let token = 0
    const source = httpSource({ ...base, fetch, headers: async () => ({ token: `t${++token}` }) })
    await source.page('cards', undefined, 1)
    await source.get('cards', [1])
    expect(calls.map(({ headers }) => headers.token)).toEqual(['t1', 't2'])
  })

  const page = (body: unknown) => () => Response.json(body)
  const wrong: [string, () => Response | Promise<Response>, string, string][] = [
    ['refuses', () => new Response('', { status: 503 }), 'NETWORK', 'answered 503'],
    ['is away', () => Promise.reject(new TypeError('gone')), 'NETWORK', "can't be reached"],
    ['sends a page of HTML', () => new Response('<html>'), 'AUDIT', 'no JSON'],
    ['sends a list', page([]), 'AUDIT', 'a list at $.rows'],
    ['sends rows that are none', page({ rows: [null] }), 'AUDIT', 'an object at $.rows[0]'],
    ['sends no key', page({ rows: [{ row: {} }] }), 'AUDIT', 'a key at $.rows[0].key'],
    ['sends no row', page({ rows: [{ key: 1, row: [] }] }), 'AUDIT', 'an object at $.rows[0].row'],
    [
      'sends too much',
      page({ rows: [rows[3], rows[4], rows[4]] }),
      'AUDIT',
      'asked for 2 rows, got 3',
    ],
    ['goes backwards', page({ rows: [rows[3], rows[2]] }), 'AUDIT', '$.rows[1] is not above'],
    ['repeats a page', page({ rows: [rows[2]] }), 'AUDIT', '$.rows[0] is not above'],
  ]
  it.each(wrong)('whose server %s says so', async (_, answer, code, message) => {
    const source = httpSource({ ...base, fetch: serve(answer).fetch })
    const reading = source.page('cards', 'a', 2)
    await expect(reading).rejects.toMatchObject({ code })
    await expect(reading).rejects.toThrow(message)
  })

  it('takes no row that nobody asked for, and none twice', async () => {
    const source = httpSource({ ...base, fetch: serve(page({ rows: [rows[0], rows[0]] })).fetch })
    await expect(source.get('cards', [2])).rejects.toThrow('$.rows[0]')
    await expect(source.get('cards', [1])).rejects.toThrow('$.rows[1]')
  })

  it('says which keys can not travel', async () => {
    const { fetch, calls } = serve(table)
    const source = httpSource({ ...base, fetch })
    for (const key of [new Date(0), new Uint8Array(1), [new Date(0)], Infinity]) {
      await expect(source.get('cards', [key])).rejects.toMatchObject({ code: 'AUDIT' })
      await expect(source.page('cards', key, 1)).rejects.toMatchObject({ code: 'AUDIT' })
    }
    expect(calls).toEqual([])
  })

  it('gives up on a server that does not answer', async () => {
    const hang: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
      })
    const source = httpSource({ ...base, fetch: hang, timeoutMs: 5 })
    await expect(source.page('cards', undefined, 1)).rejects.toMatchObject({ code: 'NETWORK' })
  })
})

describe('a server that tells sums', () => {
  const ask = (answers: (prefixes: readonly string[]) => unknown) => {
    const { calls, fetch } = serve(({ body }) =>
      Response.json({ answers: answers(JSON.parse(body ?? '{}').prefixes) }),
    )
    const source = httpSource({ url: '/api', tables: ['t'], digest: true, fetch })
    return { calls, digest: source.digest }
  }
  const question = (count: number) => ({
    salt: '0'.repeat(16),
    ignore: [['at']],
    prefixes: Array.from({ length: count }, (_, at) => String(at)),
  })

  it('is asked about many parts in several requests, and answers in order', async () => {
    const { calls, digest } = ask((prefixes) => prefixes.map((sums) => ({ sums })))
    const answers = await digest?.('t', question(1_500))
    expect(answers).toEqual(question(1_500).prefixes.map((sums) => ({ sums })))
    expect(calls.map(({ url }) => url)).toEqual(['/api/t/digest', '/api/t/digest'])
  })

  it.each<[string, unknown]>([
    ['no answers', undefined],
    ['too few', [{ sums: '' }]],
    ['an answer that is neither sums nor rows', [{ sums: '' }, {}]],
    ['a row without a key', [{ sums: '' }, { rows: [[null, 'hash']] }]],
  ])('is refused with %s', async (_, answers) => {
    const { digest } = ask(() => answers)
    await expect(digest?.('t', question(2))).rejects.toMatchObject({ code: 'AUDIT' })
  })

  it('is asked only where the host says that it answers', () => {
    expect(httpSource({ url: '/api', tables: ['t'] })).not.toHaveProperty('digest')
  })
})
