import { describe, expect, it } from 'vitest'
import { createTransport, type TransportOptions } from '../../src/engine/transport.js'

const URL = 'https://upstream.test/api'

function open(
  change: Partial<TransportOptions> = {},
  answer: () => Response = () => new Response(),
) {
  const sent: Request[] = []
  const answers: unknown[] = []
  const fenced = { count: 0 }
  const abort = new AbortController()
  const { fetch } = createTransport({
    async fetch(input, init) {
      const request = new Request(input, init)
      request.signal.throwIfAborted()
      sent.push(request)
      return answer()
    },
    device: 'device-1',
    term: 5,
    signal: abort.signal,
    highestTerm: async () => 5,
    isSuspended: () => false,
    onFenced: () => {
      fenced.count++
    },
    onAnswer: (told) => answers.push(told),
    ...change,
  })
  return { fetch, sent, answers, fenced, abort }
}

describe('a send', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('by %s carries term and device', async (method) => {
    const { fetch, sent } = open()
    await fetch(URL, { method, headers: { 'x-own': 'kept' }, body: 'text' })
    const [request] = sent
    expect(request?.headers.get('graysync-term')).toBe('5')
    expect(request?.headers.get('graysync-device')).toBe('device-1')
    expect(request?.headers.get('x-own')).toBe('kept')
    expect([request?.method, await request?.text()]).toEqual([method, 'text'])
  })

  it.each(['GET', 'HEAD'])('by %s carries neither: it stays a simple request', async (method) => {
    const { fetch, sent } = open()
    await fetch(URL, { method })
    expect([...(sent[0]?.headers.keys() ?? [])]).toEqual([])
  })

  it('of a request object carries term and device as well', async () => {
    const { fetch, sent } = open()
    await fetch(new Request(URL, { method: 'POST', body: '{}' }))
    expect(sent[0]?.headers.get('graysync-term')).toBe('5')
    expect(await sent[0]?.text()).toBe('{}')
  })

  it('can not name another term than its own', async () => {
    const { fetch, sent } = open()
    await fetch(URL, { method: 'POST', headers: { 'graysync-term': '99' } })
    expect(sent[0]?.headers.get('graysync-term')).toBe('5')
  })

  it('is refused once a higher term is there, and says so', async () => {
    const { fetch, sent, fenced } = open({ highestTerm: async () => 6 })
    await expect(fetch(URL, { method: 'POST' })).rejects.toMatchObject({ code: 'FENCED' })
    await expect(fetch(URL)).rejects.toMatchObject({ code: 'FENCED' })
    expect([sent.length, fenced.count]).toEqual([0, 2])
  })

  it('asks for the term each time: what was let through before is refused then', async () => {
    let highest = 5
    const { fetch, sent, fenced } = open({ highestTerm: async () => highest })
    await fetch(URL, { method: 'POST' })
    highest = 6
    await expect(fetch(URL, { method: 'POST' })).rejects.toMatchObject({ code: 'FENCED' })
    expect([sent.length, fenced.count]).toEqual([1, 1])
  })

  it('is refused once the record that gave the term is gone', async () => {
    const { fetch, sent, fenced } = open({ highestTerm: async () => 0 })
    await expect(fetch(URL, { method: 'POST' })).rejects.toMatchObject({ code: 'FENCED' })
    expect([sent.length, fenced.count]).toEqual([0, 1])
  })

  it('is refused where the term can not be read', async () => {
    const cause = new Error('of the disk')
    const { fetch, sent, fenced } = open({ highestTerm: () => Promise.reject(cause) })
    await expect(fetch(URL, { method: 'POST' })).rejects.toBe(cause)
    expect([sent.length, fenced.count]).toEqual([0, 0])
  })

  it('is refused while it is suspended, also when that begins while the term is read', async () => {
    let suspended = false
    const { fetch, sent } = open({
      isSuspended: () => suspended,
      async highestTerm() {
        suspended = true
        return 5
      },
    })
    await expect(fetch(URL, { method: 'POST' })).rejects.toMatchObject({ code: 'SUSPENDED' })
    expect(sent).toEqual([])
  })

  it('ends with the engine', async () => {
    const { fetch, sent, abort } = open()
    abort.abort(new Error('stopped'))
    await expect(fetch(URL, { method: 'POST' })).rejects.toThrow('stopped')
    expect(sent).toEqual([])
  })

  it('ends with its own signal', async () => {
    const { fetch, sent } = open()
    const own = AbortSignal.abort(new Error('of the caller'))
    await expect(fetch(URL, { method: 'POST', signal: own })).rejects.toThrow('of the caller')
    expect(sent).toEqual([])
  })
})

describe('an answer', () => {
  it.each([
    [null, null],
    ['applied', '5'],
    ['duplicate', '5'],
    ['fenced', '5'],
  ])('of outcome %s and term %s is told as it came', async (outcome, term) => {
    const headers = new Headers()
    if (outcome) headers.set('graysync-outcome', outcome)
    if (term) headers.set('graysync-term', term)
    const { fetch, answers, fenced } = open({}, () => new Response('body', { headers }))
    const answer = await fetch(URL, { method: 'POST' })
    expect(await answer.text()).toBe('body')
    expect(answers).toEqual([
      {
        method: 'POST',
        isWrite: true,
        url: URL,
        status: 200,
        hasOperation: false,
        outcome,
        echoes: term === '5',
      },
    ])
    expect(fenced.count).toBe(outcome === 'fenced' ? 1 : 0)
  })

  it.each([
    ['GET', false],
    ['HEAD', false],
    ['POST', true],
    ['PUT', true],
    ['DELETE', true],
  ])('to %s is to a write: %s', async (method, isWrite) => {
    const { fetch, answers } = open({}, () => new Response())
    await fetch(URL, { method })
    expect(answers).toMatchObject([{ method, isWrite }])
  })

  it('that does not come proves nothing', async () => {
    const { fetch, answers } = open({}, () => {
      throw new TypeError('Failed to fetch')
    })
    await expect(fetch(URL, { method: 'POST' })).rejects.toThrow('Failed to fetch')
    expect(answers).toEqual([])
  })
})
