import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { isPresent } from '../../../test/support/presence.js'
import { openDatabase } from '../src/database.js'
import { type Server, startServer, whyNoServer } from './postgres.js'
import { type Bench, card, openBench, put, signIn } from './support.js'

// Each test file opens databases, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 })

const isHere = isPresent('PostgreSQL server tests', whyNoServer())

describe.skipIf(!isHere)('on a PostgreSQL server', () => {
  let server: Server
  let benches: Bench[]

  beforeAll(async () => {
    server = await startServer()
    benches = await Promise.all([1, 2, 3].map(() => openBench({ url: server.url })))
  }, 60_000)
  afterAll(async () => {
    await Promise.all(benches.map((bench) => bench.database.close()))
    await server.stop()
  })

  /** The same user on three processes' worth of connections, in turn. */
  function clients(user: string = randomUUID()) {
    const signed = benches.map((bench) => signIn(bench.app, user))
    return (turn: number) => signed[turn % signed.length] ?? signIn(benches[0]?.app as never, user)
  }

  const apply = (client: ReturnType<typeof signIn>, term: number, operations: unknown[]) =>
    client.call('POST', '/api/apply', { device: 'd1', term, operations })

  test('servers that start at once migrate once', async () => {
    const [database] = benches
    const rows = await database?.database.query<{ name: string }>(
      'select name from graysync_migrations order by name',
    )
    expect(rows?.map((row) => row.name)).toEqual([...new Set(rows?.map((row) => row.name))])
    const again = await openDatabase({ url: server.url })
    await again.close()
  })

  test('of many equal requests at once exactly one takes effect', async () => {
    const at = clients()
    for (let round = 0; round < 10; round += 1) {
      const operations = [put(`o${round}`, 'c1', `round ${round}`)]
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, turn) => apply(at(turn), 1, operations)),
      )
      const outcomes = answers.map((answer) => answer.body.results[0].outcome)
      expect(outcomes.filter((outcome) => outcome === 'applied')).toHaveLength(1)
      expect(outcomes.filter((outcome) => outcome === 'duplicate')).toHaveLength(11)
    }
    const [row] = (await at(0).call('GET', '/api/rest/cards')).body
    expect(row.sync_version).toBe(10)
  })

  test('an id that two operations claim at once goes to one of them', async () => {
    const at = clients()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, turn) => apply(at(turn), 1, [put('o1', `c${turn}`, 'a')])),
    )
    const outcomes = answers.map((answer) => answer.body.results[0].outcome).sort()
    expect(outcomes).toEqual(['applied', ...Array.from({ length: 9 }, () => 'conflict')])
    expect((await at(0).call('GET', '/api/rest/cards')).body).toHaveLength(1)
  })

  test('once a newer term has been answered, no older one has an effect', async () => {
    const at = clients()
    for (let term = 2; term < 20; term += 2) {
      const late = Array.from({ length: 6 }, (_, turn) =>
        apply(at(turn), term - 1, [put(`late-${term}-${turn}`, 'c1', 'late')]),
      )
      await apply(at(term), term, [put(`new-${term}`, 'c1', `term ${term}`)])
      const after = await apply(at(term + 1), term - 1, [put(`after-${term}`, 'c1', 'late')])
      expect([after.status, after.body.results[0].outcome]).toEqual([409, 'fenced'])
      await Promise.all(late)
      const [row] = (await at(0).call('GET', '/api/rest/cards')).body
      expect(row.front_content.title).toBe(`term ${term}`)
    }
  })

  test('a reader of changes misses none while many write, through either door', async () => {
    const at = clients()
    const other = clients()
    const seen = new Map<string, number>()
    let cursor = ''
    const pull = async (turn: number): Promise<void> => {
      for (let more = true; more; ) {
        const { body } = await at(turn).call('GET', `/api/changes?after=${cursor}&limit=20`)
        for (const { row } of body.rows) seen.set(row.id, row.sync_version)
        ;({ cursor, more } = body)
      }
    }
    const writes = Array.from({ length: 150 }, (_, n) => async () => {
      const answers = [
        await apply(at(n), 1, [put(`a${n}`, `a${n}`, 'a'), put(`s${n}`, 'shared', `${n}`)]),
        await at(n + 1).call('POST', '/api/rest/cards', [card(`r${n}`, 'r'), card('shared', 'r')]),
        await at(n + 2).call('PATCH', '/api/rest/cards?id=eq.shared', { style: { n } }),
        await apply(other(n), 1, [put(`a${n}`, `a${n}`, 'other')]),
      ]
      expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200])
    })
    let writing = true
    const reading = (async () => {
      for (let turn = 0; writing; turn += 1) await pull(turn)
    })()
    const lanes = Array.from({ length: 12 }, async () => {
      for (let next = writes.pop(); next; next = writes.pop()) await next()
    })
    await Promise.all(lanes)
    writing = false
    await reading
    await pull(0)
    const expected = Array.from({ length: 150 }, (_, n) => [`a${n}`, `r${n}`]).flat()
    expect([...seen.keys()].sort()).toEqual([...expected, 'shared'].sort())
    expect(seen.get('shared')).toBe(450)
  }, 60_000)

  test('records that come twice at once, in any order, are stored once', async () => {
    const { logs, record } = await import('./telemetry.js')
    const records = Array.from({ length: 60 }, () => record('exception', {}))
    const answers = await Promise.all(
      Array.from({ length: 15 }, (_, turn) =>
        benches[turn % 3]?.app.request('/v1/logs', {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(logs(`d${turn % 4}`, turn % 2 ? records : records.toReversed())),
        }),
      ),
    )
    expect(answers.map((answer) => answer?.status)).toEqual(answers.map(() => 200))
    const uids = JSON.stringify(records.map((one) => one.uid))
    const [row] =
      (await benches[0]?.database.query<{ count: number }>(
        'select count(*)::int as count from graysync_records where uid in (select jsonb_array_elements_text($1::jsonb))',
        [uids],
      )) ?? []
    expect(row?.count).toBe(60)
  })
})
