import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Bench, card, openBench, put, signIn } from './support.js'

// Each test file opens databases, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 })

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.database.close())

const client = () => signIn(bench.app)

describe('sign-in', () => {
  test('a request without a token, or with one that is no user id, is refused', async () => {
    const without = await bench.app.request('/api/rest/cards')
    expect(without.status).toBe(401)
    expect(without.headers.get('WWW-Authenticate')).toBe('Bearer')
    expect((await signIn(bench.app, 'nobody').call('GET', '/api/rest/cards')).status).toBe(401)
  })

  test('a user sees no row of another user', async () => {
    const [one, other] = [client(), client()]
    await one.call('POST', '/api/rest/cards', card('c1', 'mine'))
    for (const path of ['/api/rest/cards', '/api/source/cards', '/api/changes']) {
      expect(JSON.stringify((await other.call('GET', path)).body)).not.toContain('mine')
    }
    await other.call('POST', '/api/rest/cards', card('c1', 'theirs'))
    await other.call('PATCH', '/api/rest/cards?id=eq.c1', { front_content: { title: 'theirs' } })
    const { body } = await one.call('GET', '/api/rest/cards')
    expect(body).toMatchObject([{ front_content: { title: 'mine' }, sync_version: 1 }])
  })

  test('a row that names another user is refused', async () => {
    const { call } = client()
    const row = card('c1', 'a', { user_id: randomUUID() })
    const answer = await call('POST', '/api/rest/cards', row)
    expect(answer.status).toBe(403)
    expect(answer.body).toMatchObject({ code: '42501', field: 'user_id' })
  })
})

describe('rows of the legacy engine', () => {
  test('a row is stored whole, with defaults for what was not sent', async () => {
    const { call, user } = client()
    await call('POST', '/api/rest/cards', card('c1', 'a', { folder_id: 'f1', user_id: null }))
    await call('POST', '/api/rest/cards', card('c1', 'b'))
    const { body } = await call('GET', '/api/rest/cards')
    expect(body).toEqual([
      {
        user_id: user,
        ...card('c1', 'b'),
        back_content: {},
        folder_id: null,
        is_deleted: false,
        sync_version: 2,
        created_at: expect.any(String),
        updated_at: expect.any(String),
      },
    ])
  })

  test('the server stamps an update with its own clock and count, and keeps the time of creation', async () => {
    const { call } = client()
    const old = '2001-01-01T00:00:00.000Z'
    const times = { created_at: old, updated_at: old, sync_version: 7 }
    await call('POST', '/api/rest/cards', card('c1', 'a', times))
    await call('POST', '/api/rest/cards', card('c1', 'b', { updated_at: old, sync_version: 1 }))
    const [row] = (await call('GET', '/api/rest/cards')).body
    expect(row.sync_version).toBe(8)
    expect(Date.parse(row.created_at)).toBe(Date.parse(old))
    expect(Date.now() - Date.parse(row.updated_at)).toBeLessThan(60_000)
  })

  test('many rows are taken at once, all or none', async () => {
    const { call } = client()
    const rows = [card('c1', 'a'), { ...card('c2', 'b'), is_deleted: 'no' }]
    const refused = await call('POST', '/api/rest/cards', rows)
    expect(refused.status).toBe(400)
    expect(refused.body.field).toBe('1.is_deleted')
    expect((await call('GET', '/api/rest/cards')).body).toEqual([])
    await call('POST', '/api/rest/cards', [card('c1', 'a'), card('c2', 'b')])
    expect((await call('GET', '/api/rest/cards')).body).toHaveLength(2)
  })

  test('an unknown column is named, as PostgREST names it', async () => {
    const { call } = client()
    const { status, body } = await call('POST', '/api/rest/folders', {
      id: 'f1',
      name: 'n',
      color: '#fff',
    })
    expect(status).toBe(400)
    expect(body).toMatchObject({ code: 'PGRST204', message: expect.stringContaining('color') })
    const patched = await call('PATCH', '/api/rest/folders?id=eq.f1', { icon: 'x' })
    expect(patched.body.code).toBe('PGRST204')
  })

  test('a partial write changes what it names, and a soft delete keeps the row', async () => {
    const { call } = client()
    await call('POST', '/api/rest/tags', { id: 't1', name: 'red', color: '#f00' })
    await call('PATCH', '/api/rest/tags?id=eq.t1', { name: 'crimson' })
    await call('PATCH', '/api/rest/tags?id=eq.t1', { is_deleted: true })
    const { body } = await call('GET', '/api/rest/tags')
    expect(body).toMatchObject([
      { name: 'crimson', color: '#f00', is_deleted: true, sync_version: 3 },
    ])
  })

  test.each([
    ['a table that is not there', 'GET', '/api/rest/users', undefined, 404, 'PGRST205'],
    ['a row without an id', 'POST', '/api/rest/cards', {}, 400, 'INVALID'],
    ['an id with a control character', 'POST', '/api/rest/cards', { id: 'a\nb' }, 400, 'INVALID'],
    ['a partial write without an id', 'PATCH', '/api/rest/cards', {}, 400, 'INVALID'],
    ['a page that is too large', 'GET', '/api/rest/cards?limit=1001', undefined, 400, 'INVALID'],
    ['a page of nothing', 'GET', '/api/rest/cards?limit=0', undefined, 400, 'INVALID'],
    ['no list and no row', 'POST', '/api/rest/cards', 'c1', 400, 'INVALID'],
    [
      'a date that is none',
      'POST',
      '/api/rest/cards',
      { id: 'c', created_at: 'now' },
      400,
      'INVALID',
    ],
    [
      'text that PostgreSQL cannot hold',
      'POST',
      '/api/rest/tags',
      { id: 't', name: '\0' },
      400,
      'INVALID',
    ],
    ['half a character in JSON', 'POST', '/api/rest/cards', card('c', '\ud800'), 400, 'INVALID'],
  ])('%s is refused', async (_, method, path, body, status, code) => {
    const answer = await client().call(method, path, body)
    expect(answer.status).toBe(status)
    expect(answer.body.code).toBe(code)
  })

  test('a refusal never repeats what was sent', async () => {
    const { call } = client()
    const { body } = await call('POST', '/api/rest/cards', { id: 'c1', style: 'my secret' })
    expect(body.field).toBe('style')
    expect(JSON.stringify(body)).not.toContain('secret')
  })

  test('a row above 2 MB and a body above 8 MB are refused', async () => {
    const { call } = client()
    const image = (id: string, bytes: number) => ({ id, data: 'A'.repeat(bytes) })
    expect((await call('POST', '/api/rest/images', image('i1', 2_000_000))).status).toBe(200)
    const row = await call('POST', '/api/rest/images', image('i2', 2 * 1024 * 1024))
    expect(row.status).toBe(413)
    const many = Array.from({ length: 5 }, (_, index) => image(`i${index}`, 1_900_000))
    expect((await call('POST', '/api/rest/images', many)).status).toBe(413)
  })

  test('a body that is not JSON, or nests without end, is refused', async () => {
    const headers = { Authorization: `Bearer ${randomUUID()}` }
    const post = (body: string) =>
      bench.app.request('/api/rest/cards', { method: 'POST', headers, body })
    expect((await post('{')).status).toBe(400)
    const deep = `{"id":"c","style":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`
    expect((await post(deep)).status).toBe(400)
  })

  test('pages follow each other by id, deleted rows included', async () => {
    const { call } = client()
    const ids = ['10', '9', 'B', 'a', '卡', 'folder-1'].sort()
    await call(
      'POST',
      '/api/rest/cards',
      ids.map((id) => card(id, id)),
    )
    await call('PATCH', '/api/rest/cards?id=eq.a', { is_deleted: true })
    const seen: string[] = []
    for (let after = ''; ; ) {
      const path = `/api/rest/cards?limit=2&after=${encodeURIComponent(after)}`
      const { body } = await call('GET', path)
      if (body.length === 0) break
      seen.push(...body.map((row: { id: string }) => row.id))
      after = seen.at(-1) ?? ''
    }
    expect(seen).toEqual(ids)
  })
})

describe('legacy writes that carry an operation id', () => {
  const ledger = (op: string, term: number | string, device = 'd1') => ({
    'graysync-operation': op,
    'graysync-term': String(term),
    'graysync-device': device,
  })

  test('a repeated request has no second effect, and says so', async () => {
    const { call } = client()
    const first = await call('POST', '/api/rest/cards', card('c1', 'a'), ledger('o1', 3))
    expect(first.headers.get('graysync-outcome')).toBe('applied')
    expect(first.headers.get('graysync-term')).toBe('3')
    const again = await call('POST', '/api/rest/cards', card('c1', 'a'), ledger('o1', 3))
    expect([again.status, again.headers.get('graysync-outcome')]).toEqual([200, 'duplicate'])
    const [row] = (await call('GET', '/api/rest/cards')).body
    expect(row.sync_version).toBe(1)
  })

  test('an id that is used for another row is a conflict, and an old term is fenced', async () => {
    const { call } = client()
    await call('POST', '/api/rest/cards', card('c1', 'a'), ledger('o1', 3))
    const other = await call('POST', '/api/rest/cards', card('c1', 'b'), ledger('o1', 3))
    expect([other.status, other.headers.get('graysync-outcome')]).toEqual([422, 'conflict'])
    const late = await call('PATCH', '/api/rest/cards?id=eq.c1', { style: {} }, ledger('o2', 2))
    expect([late.status, late.headers.get('graysync-outcome')]).toEqual([409, 'fenced'])
    const elsewhere = await call('POST', '/api/rest/cards', card('c2', 'c'), ledger('o3', 1, 'd2'))
    expect(elsewhere.status).toBe(200)
    expect((await call('GET', '/api/rest/cards')).body).toMatchObject([
      { front_content: { title: 'a' } },
      { id: 'c2' },
    ])
  })

  test('the refactored engine may repeat what the legacy one sent, and the other way round', async () => {
    const { call } = client()
    const clock = { created_at: '2020-01-01T00:00:00Z', updated_at: '2020-01-01T00:00:00Z' }
    const row = card('c1', 'a', { ...clock, sync_version: 4, folder_id: null })
    await call('POST', '/api/rest/cards', row, ledger('o1', 1))
    await call('PATCH', '/api/rest/cards?id=eq.c1', { ...clock, is_deleted: true }, ledger('o2', 1))
    const operations = [
      put('o1', 'c1', 'a'),
      { opId: 'o2', entity: 'cards', entityId: 'c1', kind: 'delete' },
    ]
    const { body } = await call('POST', '/api/apply', { device: 'd1', term: 2, operations })
    expect(body.results.map((result: { outcome: string }) => result.outcome)).toEqual([
      'duplicate',
      'duplicate',
    ])
    await call('POST', '/api/apply', { device: 'd1', term: 2, operations: [put('o3', 'c2', 'b')] })
    const back = await call('POST', '/api/rest/cards', card('c2', 'b'), ledger('o3', 3))
    expect(back.headers.get('graysync-outcome')).toBe('duplicate')
  })

  test('an operation comes with its term and its device, and with one row', async () => {
    const { call } = client()
    const { 'graysync-device': _, ...some } = ledger('o1', 1)
    const answer = await call('POST', '/api/rest/cards', card('c1', 'a'), some)
    expect([answer.status, answer.body.field]).toEqual([400, 'device'])
    for (const term of ['x', '', '-1', '1.5']) {
      const answer = await call('POST', '/api/rest/cards', card('c1', 'a'), ledger('o1', term))
      expect([answer.status, answer.body.field]).toEqual([400, 'term'])
    }
    const rows = [card('c1', 'a'), card('c2', 'b')]
    expect((await call('POST', '/api/rest/cards', rows, ledger('o1', 1))).status).toBe(400)
    expect((await call('GET', '/api/rest/cards')).body).toEqual([])
  })
})

test('a write without an operation id is taken as it comes, also from a known device', async () => {
  const { call } = client()
  const headers = { 'graysync-term': '1', 'graysync-device': 'd1' }
  const answer = await call('POST', '/api/rest/cards', card('c1', 'a'), headers)
  expect([answer.status, answer.headers.get('graysync-outcome')]).toEqual([200, null])
  expect((await call('GET', '/api/rest/cards')).body).toHaveLength(1)
})

describe('operations', () => {
  const send = (
    { call }: ReturnType<typeof client>,
    term: number,
    operations: unknown[],
    device = 'd1',
  ) => call('POST', '/api/apply', { device, term, operations })

  test('each has its own outcome, and the answer carries the worst', async () => {
    const one = client()
    await send(one, 1, [put('o1', 'c1', 'a')])
    const answer = await send(one, 1, [
      put('o1', 'c1', 'a'),
      put('o1', 'c1', 'x'),
      put('o2', 'c2', 'b'),
    ])
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      results: [
        { opId: 'o1', outcome: 'duplicate' },
        { opId: 'o1', outcome: 'conflict' },
        { opId: 'o2', outcome: 'applied' },
      ],
    })
    expect(answer.headers.get('graysync-outcome')).toBe('conflict')
    expect(answer.headers.get('graysync-term')).toBe('1')
  })

  test('a request that arrives late, after newer operations, changes nothing', async () => {
    const one = client()
    const late = [put('o1', 'c1', 'old')]
    await send(one, 1, late)
    await send(one, 1, [put('o2', 'c1', 'new')])
    expect((await send(one, 1, late)).body.results[0].outcome).toBe('duplicate')
    const [row] = (await one.call('GET', '/api/rest/cards')).body
    expect(row.front_content.title).toBe('new')
  })

  test('a sender of an old term is fenced, whatever it had not yet sent, on its device only', async () => {
    const one = client()
    await send(one, 5, [put('o1', 'c1', 'a')])
    const old = await send(one, 4, [put('o1', 'c1', 'a'), put('o2', 'c1', 'b')])
    expect(old.status).toBe(409)
    expect(old.body.results.map((result: { outcome: string }) => result.outcome)).toEqual([
      'duplicate',
      'fenced',
    ])
    expect(old.headers.get('graysync-outcome')).toBe('fenced')
    expect((await send(one, 1, [put('o3', 'c2', 'c')], 'd2')).body.results[0].outcome).toBe(
      'applied',
    )
    const taken = await send(one, 6, [put('o2', 'c1', 'b')])
    expect(taken.body.results[0].outcome).toBe('applied')
  })

  test('a delete leaves a tombstone, and a later put brings the row back', async () => {
    const one = client()
    const gone = { opId: 'o2', entity: 'cards', entityId: 'c1', kind: 'delete' }
    await send(one, 1, [put('o1', 'c1', 'a'), gone])
    expect((await one.call('GET', '/api/rest/cards')).body).toMatchObject([{ is_deleted: true }])
    expect((await one.call('GET', '/api/source/cards')).body.rows).toEqual([])
    await send(one, 1, [put('o3', 'c1', 'b')])
    expect((await one.call('GET', '/api/source/cards')).body.rows).toHaveLength(1)
  })

  test('a call with one wrong operation has no effect at all, and names the field', async () => {
    const one = client()
    const wrong = { ...put('o2', 'c2', 'b'), row: { style: 4 } }
    const answer = await send(one, 1, [put('o1', 'c1', 'a'), wrong])
    expect([answer.status, answer.body.field]).toEqual([400, 'operations.1.row.style'])
    expect((await one.call('GET', '/api/rest/cards')).body).toEqual([])
    expect((await send(one, 1, [put('o1', 'c1', 'z')])).body.results[0].outcome).toBe('applied')
  })

  test('a call that the database refuses half-way leaves no trace in the ledger', async () => {
    const one = client()
    const answer = await send(one, 1, [put('o1', 'c1', 'a'), put('o2', 'c2', '\0')])
    expect(answer.status).toBe(400)
    expect((await send(one, 1, [put('o1', 'c1', 'a')])).body.results[0].outcome).toBe('applied')
  })

  test.each([
    ['device', { device: '' }],
    ['term', { term: -1 }],
    ['term', { term: 1.5 }],
    ['operations', { operations: [] }],
    ['operations', { operations: Array.from({ length: 101 }, (_, n) => put(`o${n}`, 'c', 'a')) }],
    ['operations.0.entity', { operations: [{ ...put('o', 'c', 'a'), entity: 'users' }] }],
    ['operations.0.kind', { operations: [{ ...put('o', 'c', 'a'), kind: 'patch' }] }],
    ['operations.0.opId', { operations: [{ ...put('o', 'c', 'a'), opId: '' }] }],
    ['operations.0.row.id', { operations: [{ ...put('o', 'c', 'a'), row: card('d', 'a') }] }],
    ['operations.0.row.colour', { operations: [{ ...put('o', 'c', 'a'), row: { colour: 1 } }] }],
  ])('a wrong %s is named', async (field, wrong) => {
    const body = { device: 'd1', term: 1, operations: [put('o1', 'c1', 'a')], ...wrong }
    const answer = await client().call('POST', '/api/apply', body)
    expect([answer.status, answer.body.field]).toEqual([400, field])
  })
})

describe('changes', () => {
  const pull = async (one: ReturnType<typeof client>, after: string, limit: number) =>
    (await one.call('GET', `/api/changes?after=${after}&limit=${limit}`)).body

  test('a cursor walks through every change once, in the order in which they happened', async () => {
    const one = client()
    await one.call('POST', '/api/rest/folders', { id: 'f1', name: 'n' })
    const operations = Array.from({ length: 6 }, (_, index) => put(`o${index}`, `c${index}`, 'a'))
    await one.call('POST', '/api/apply', { device: 'd', term: 1, operations })
    const seen: string[] = []
    let cursor = ''
    for (let more = true; more; ) {
      const page = await pull(one, cursor, 3)
      seen.push(...page.rows.map((row: { table: string; row: { id: string } }) => row.row.id))
      ;({ cursor, more } = page)
    }
    expect(seen).toEqual(['f1', 'c0', 'c1', 'c2', 'c3', 'c4', 'c5'])
    const quiet = await pull(one, cursor, 3)
    expect(quiet).toEqual({ rows: [], cursor, more: false })
  })

  test('a row that changed is told again, a deleted one with its mark', async () => {
    const one = client()
    await one.call('POST', '/api/rest/cards', [card('c1', 'a'), card('c2', 'b')])
    const { cursor } = await pull(one, '0', 10)
    await one.call('PATCH', '/api/rest/cards?id=eq.c1', { is_deleted: true })
    const { rows, more } = await pull(one, cursor, 10)
    expect(rows).toMatchObject([{ table: 'cards', row: { id: 'c1', is_deleted: true } }])
    expect(more).toBe(false)
  })

  test('a page is exact about whether there is more', async () => {
    const one = client()
    await one.call('POST', '/api/rest/cards', [card('c1', 'a'), card('c2', 'b')])
    expect((await pull(one, '', 2)).more).toBe(false)
    expect((await pull(one, '', 1)).more).toBe(true)
  })

  test('a page of large rows ends early and says that there is more', async () => {
    const one = client()
    for (let index = 0; index < 6; index += 1) {
      const row = { id: `i${index}`, data: 'A'.repeat(1_900_000) }
      await one.call('POST', '/api/rest/images', row)
    }
    const first = await pull(one, '', 100)
    expect(first.more).toBe(true)
    const rest = await pull(one, first.cursor, 100)
    expect(first.rows.length + rest.rows.length).toBe(6)
    expect(JSON.stringify(first).length).toBeLessThan(9 * 1024 * 1024)
  })

  test('a cursor of another database starts anew, and one that is none is refused', async () => {
    const one = client()
    await one.call('POST', '/api/rest/cards', card('c1', 'a'))
    expect((await pull(one, `${randomUUID()}.999999`, 10)).rows).toHaveLength(1)
    expect((await one.call('GET', '/api/changes?after=soon')).status).toBe(400)
  })
})

describe('rows for an audit', () => {
  test('they have the shape in which the refactored engine holds them', async () => {
    const one = client()
    const at = '2024-05-01T10:20:30.456Z'
    await one.call('POST', '/api/rest/cards', card('c1', 'a', { created_at: at, updated_at: at }))
    const { body } = await one.call('GET', '/api/source/cards')
    expect(body).toEqual({
      rows: [
        {
          key: 'c1',
          row: {
            id: 'c1',
            userId: one.user,
            frontContent: card('c1', 'a').front_content,
            backContent: {},
            style: {},
            folderId: null,
            createdAt: at,
            updatedAt: at,
            syncVersion: 1,
          },
        },
      ],
    })
  })

  test.each(['cards', 'folders', 'tags', 'images'])(
    'every table answers pages: %s',
    async (table) => {
      const one = client()
      const rows = Array.from({ length: 40 }, (_, index) => ({ id: `r${index}` }))
      await one.call('POST', `/api/rest/${table}`, rows)
      const keys: string[] = []
      for (let page = '?limit=17'; ; ) {
        const { body } = await one.call('GET', `/api/source/${table}${page}`)
        if (body.rows.length === 0) break
        keys.push(...body.rows.map((row: { key: string }) => row.key))
        page = `?limit=17&after=${encodeURIComponent(JSON.stringify(keys.at(-1)))}`
      }
      expect(keys).toEqual(rows.map((row) => row.id).sort())
    },
  )

  test('rows are found by their keys, absent and deleted ones left out', async () => {
    const one = client()
    await one.call('POST', '/api/rest/cards', [card('c1', 'a'), card('c2', 'b'), card('c3', 'c')])
    await one.call('PATCH', '/api/rest/cards?id=eq.c2', { is_deleted: true })
    const keys = ['c3', 'c2', 'gone', 7, ['c1'], '\0', 'c1']
    const { body } = await one.call('POST', '/api/source/cards', { keys })
    expect(body.rows.map((row: { key: string }) => row.key)).toEqual(['c1', 'c3'])
    expect((await one.call('POST', '/api/source/cards', { keys: [] })).body).toEqual({ rows: [] })
  })

  test('a key that is not JSON text and keys that are no list are refused', async () => {
    const one = client()
    for (const after of ['c1', '7', '{']) {
      const { status, body } = await one.call('GET', `/api/source/cards?after=${after}`)
      expect([status, body.field]).toEqual([400, 'after'])
    }
    expect((await one.call('POST', '/api/source/cards', { keys: 'c1' })).body.field).toBe('keys')
    expect((await one.call('GET', '/api/source/users')).status).toBe(404)
  })
})
