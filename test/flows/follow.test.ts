import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { answerDigest, createDigest } from '../../src/consistency/digest.js'
import { compileTable } from '../../src/consistency/rules.js'
import { type FollowRequest, follow } from '../../src/flows/follow.js'
import { GraySyncError } from '../../src/model/errors.js'
import type { AuditReport, Source } from '../../src/model/source.js'
import { openDatabase } from '../../src/store/database.js'
import { openLedgers } from '../../src/store/ledger.js'
import { live, memoryLedger, rowsOf } from '../consistency/life.js'
import { auditPlatform, memorySource, tablesOf } from '../consistency/memory.js'
import { createRandom } from '../consistency/random.js'
import { trackedStore } from '../consistency/tracked.js'
import { createDevice } from '../support/device.js'

const DAY_MS = 86_400_000

/** Two tracked stores of equal rows, whose reads are counted. */
function createPair(count: number, o: { marks?: number } = {}) {
  const reads: (readonly IDBValidKey[] | null)[] = []
  const onRead = ({ keys }: { keys: readonly IDBValidKey[] | null }) => void reads.push(keys)
  const make = (name: string) =>
    trackedStore(name, tablesOf({ cards: rowsOf(count) }), { onRead, ...o })
  const [left, right] = [make('left'), make('right')]
  const ledger = memoryLedger()
  let now = 1_000
  const platform = auditPlatform({ now: () => now })
  const run = (more: Partial<FollowRequest> = {}): Promise<AuditReport> => {
    reads.length = 0
    return follow({
      platform,
      left: left.source,
      right: right.source,
      rules: { tables: { cards: {} } },
      inFlight: () => false,
      ledger,
      ...more,
    })
  }
  return {
    left,
    right,
    ledger,
    reads,
    run,
    pass: (ms: number) => {
      now += ms
    },
    walks: () => reads.some((keys) => keys === null),
  }
}

const found = ({ divergences }: AuditReport) =>
  divergences.map(({ key, kind, paths }) => [key, kind, ...paths].join(' ')).sort()

const coverage = ({ tables }: AuditReport) => tables[0]?.coverage

describe('an incremental audit', () => {
  it('walks through all rows first, then looks at what was written only', async () => {
    const pair = createPair(1_200)
    const first = await pair.run()
    expect(first).toMatchObject({ complete: true, clean: true })
    expect(first.tables[0]).toMatchObject({ compared: 1_200, equal: 1_200 })
    expect(coverage(first)).toMatchObject({ tracked: true, completedAt: 1_000, waiting: 0 })
    pair.left.write('cards', 7, { text: 'b' })
    pair.right.write('cards', 7, { text: 'b' })
    pair.left.write('cards', 8, { text: 'b' })
    const second = await pair.run()
    expect(pair.walks()).toBe(false)
    expect(new Set(pair.reads.flatMap((keys) => keys ?? []))).toEqual(new Set([7, 8]))
    expect(found(second)).toEqual(['8 changed text'])
  })

  it('tells a divergence until it ends, and counts how it ended', async () => {
    const pair = createPair(20)
    await pair.run()
    pair.right.write('cards', 3, null)
    for (let turn = 0; turn < 3; turn++) expect(found(await pair.run())).toEqual(['3 missing'])
    pair.right.write('cards', 3, { text: 'a' })
    const report = await pair.run()
    expect(report).toMatchObject({ clean: true })
    expect(coverage(report)).toMatchObject({ resolved: 1, ignored: 0, repaired: 0 })
  })

  it('judges anew by other rules, and calls ignored what they end', async () => {
    const pair = createPair(20)
    await pair.run()
    pair.right.write('cards', 3, { text: 'b' })
    await pair.run()
    const rules = { tables: { cards: { ignore: ['text'] } } }
    const report = await pair.run({ rules })
    expect(pair.walks()).toBe(true)
    expect(report).toMatchObject({ clean: true })
    expect(coverage(report)).toMatchObject({ resolved: 0, ignored: 1 })
  })

  it('walks again after a day, and whenever a side does not tell its writes', async () => {
    const pair = createPair(20)
    await pair.run()
    pair.pass(DAY_MS - 1)
    await pair.run()
    expect(pair.walks()).toBe(false)
    pair.pass(1)
    // As other code would that nobody tracks.
    pair.right.tables.cards?.set(5, { id: 5, text: 'rotten' })
    expect(found(await pair.run())).toEqual(['5 changed text'])
    const right = memorySource('right', pair.right.tables, () => pair.reads.push(null))
    const report = await pair.run({ right })
    expect(pair.walks()).toBe(true)
    expect(coverage(report)).toMatchObject({ tracked: false })
  })

  it('does not judge a row on its way, and does not forget it', async () => {
    const pair = createPair(20)
    await pair.run()
    pair.left.write('cards', 4, { text: 'sent' })
    const flying = await pair.run({ inFlight: (_, key) => key === 4 })
    expect(flying.tables[0]).toMatchObject({ inFlight: 1, changed: 0 })
    expect(found(await pair.run())).toEqual(['4 changed text'])
  })

  it('goes on with a walk that was cut off, and counts no row twice', async () => {
    const pair = createPair(12_000)
    const stop = new AbortController()
    let read = 0
    const { page } = pair.left.source
    pair.left.source.page = async (...args) => {
      const rows = await page(...args)
      read += rows.length
      if (read > 6_000) stop.abort()
      return rows
    }
    const cut = await pair.run({ signal: stop.signal })
    expect(cut.complete).toBe(false)
    const whole = await pair.run()
    // Of what was read ahead, or since the place was noted last, some is read again.
    expect(read).toBeLessThan(12_000 + 3_000)
    expect(whole).toMatchObject({ complete: true, clean: true })
    expect(whole.tables[0]).toMatchObject({ compared: 12_000, equal: 12_000 })
  })

  it('names no divergence of which only one half was written while it looked', async () => {
    const pair = createPair(20)
    await pair.run()
    pair.left.write('cards', 6, { text: 'b' })
    const { get } = pair.left.source
    let looks = 0
    // What is read differs each time by the same, as the row comes back to what it was in between.
    pair.left.source.get = async (...args) => {
      const rows = await get(...args)
      if (++looks < 4) pair.left.write('cards', 6, { text: 'b' })
      else pair.right.write('cards', 6, { text: 'b' })
      return rows
    }
    expect(found(await pair.run())).toEqual([])
  })

  it('counts what its ledger has no room for, and walks again', async () => {
    const pair = createPair(700)
    await pair.run()
    for (let id = 0; id < 600; id++) pair.right.write('cards', id, { text: 'b' })
    const full = await pair.run()
    expect(full.tables[0]).toMatchObject({ changed: 500, inconclusive: 100 })
    for (let id = 0; id < 600; id++) pair.left.write('cards', id, { text: 'b' })
    expect(await pair.run()).toMatchObject({ clean: true })
  })

  it('remembers more writes than it has room for by region, and walks through all', async () => {
    const pair = createPair(300, { marks: 10 })
    await pair.run()
    for (let id = 0; id < 30; id++) pair.left.write('cards', id, { text: `b` })
    const report = await pair.run()
    expect(pair.walks()).toBe(true)
    expect(report.tables[0]).toMatchObject({ changed: 30 })
  })

  it('does not give up what is on the disk before its verdicts are there', async () => {
    const pair = createPair(20)
    await pair.run()
    pair.left.write('cards', 9, { text: 'b' })
    const refuse = async () => {
      throw new GraySyncError('QUOTA', 'no room')
    }
    await expect(pair.run({ ledger: { ...pair.ledger, write: refuse } })).rejects.toThrow('no room')
    pair.left.crash()
    pair.right.crash()
    expect(found(await pair.run())).toEqual(['9 changed text'])
  })

  it('keeps its ledger in the database, by comparison and table', async () => {
    const { platform } = createDevice().tab()
    const database = await openDatabase({ ...platform, indexedDB: new IDBFactory() })
    const pair = createPair(20)
    await pair.run({ ledger: openLedgers(database, 'left and right') })
    pair.left.write('cards', 2, { text: 'b' })
    await pair.run({ ledger: openLedgers(database, 'left and right') })
    const again = openLedgers(database, 'left and right')
    expect((await again.read('cards'))?.entries).toMatchObject([{ key: 2, state: 'confirmed' }])
    expect(await openLedgers(database, 'others').read('cards')).toBeUndefined()
    database.close()
  })
})

describe('an incremental audit of stores that are written to and die at any point', () => {
  it('knows in the end exactly what differs', { timeout: 60_000 }, async () => {
    let crashes = 0
    let differences = 0
    for (let seed = 1; seed <= 120; seed++) {
      const life = await live(createRandom(seed))
      expect([seed, life.told]).toEqual([seed, life.expected])
      crashes += life.crashes
      differences += life.expected.length
    }
    expect(crashes).toBeGreaterThan(120)
    expect(differences).toBeGreaterThan(120)
  })
})

describe('an incremental audit against a copy that tells sums', () => {
  it('reads the rows that differ, and confirms them', async () => {
    const pair = createPair(1_200)
    let asked = 0
    const far = memorySource('server', pair.right.tables, ({ keys }) => {
      asked += keys?.length ?? 1_200
    })
    const set = compileTable({}, 'cards')
    const right: Source = {
      ...far,
      async digest(table, { salt, prefixes }) {
        const lane = (from: number) => Number.parseInt(salt.slice(from, from + 8), 16) | 0
        const digest = createDigest(set, { high: lane(0), low: lane(8) })
        for (const [key, row] of pair.right.tables[table] ?? []) digest.add(key, row)
        return prefixes.map((prefix) => answerDigest(digest, prefix))
      },
    }
    expect(await pair.run({ right })).toMatchObject({ clean: true })
    expect(asked).toBe(0)
    pair.right.tables.cards?.set(5, { id: 5, text: 'b' })
    pair.right.tables.cards?.delete(6)
    const report = await pair.run({ right })
    expect(found(report)).toEqual(['5 changed text', '6 missing'])
    expect(report.tables[0]).toMatchObject({ equal: 1_198, compared: 1_200 })
    expect(asked).toBeLessThan(10)
  })
})
