import { Dexie } from 'dexie'
import { afterEach, describe, expect, it } from 'vitest'
import { applyRepair, planRepair, undoRepair } from '../../src/consistency/repair.js'
import { dexieSource } from '../../src/dexie.js'
import { audit } from '../../src/flows/audit.js'
import { compareKeys } from '../../src/lib/keys.js'
import type { UndoStep } from '../../src/model/repair.js'
import type { AuditReport, Source } from '../../src/model/source.js'
import { browserPlatform } from '../../src/platform/platform.js'
import { cardEverythingRules, idbSource } from '../../src/sources.js'

const ROWS = 5_000
const rules = { tables: { cards: cardEverythingRules.tables.cards ?? {} } }
const databases: Dexie[] = []

type Card = ReturnType<typeof makeCard>

const idOf = (at: number) => `card-${String(at).padStart(5, '0')}`

function makeCard(at: number) {
  const side = (text: string) => ({
    title: `card ${at}`,
    text,
    images: [] as unknown[],
    tags: ['a', `t${at % 7}`],
    lastModified: new Date(at) as Date | string,
  })
  return {
    id: idOf(at),
    frontContent: side('front '.repeat(20)),
    backContent: side('back '.repeat(20)),
    style: { type: 'solid', n: at },
    createdAt: new Date(at),
    updatedAt: new Date(at) as Date | string,
    syncVersion: 1,
  }
}

/** The same card as another engine writes it. */
function disguise({ style, frontContent, ...card }: Card): Card {
  const { tags, ...content } = frontContent
  return {
    ...card,
    frontContent: { tags, ...content, lastModified: '2030-01-01T00:00:00.000Z' },
    updatedAt: new Date(0).toISOString(),
    style: { n: style.n, type: style.type },
    syncVersion: 9,
  }
}

async function open(name: string, rows: readonly Card[]): Promise<Dexie> {
  const db = new Dexie(`${name}-${crypto.randomUUID()}`)
  db.version(1).stores({ cards: 'id' })
  databases.push(db)
  await db.table('cards').bulkAdd(rows)
  return db
}

async function openPair(): Promise<[Dexie, Dexie]> {
  const cards = Array.from({ length: ROWS }, (_, at) => makeCard(at))
  return Promise.all([open('legacy', cards), open('refactored', cards.map(disguise))])
}

afterEach(async () => {
  for (const db of databases.splice(0)) await db.delete()
})

function run(left: Source, right: Source, o: { settleMs?: number } = {}): Promise<AuditReport> {
  return audit({ platform: browserPlatform(), left, right, rules, inFlight: () => false, ...o })
}

function plain(db: Dexie): Source {
  return idbSource(db.backendDB(), { name: db.name })
}

/** Plants every kind of difference; answers what an audit has to find. */
async function plant(db: Dexie): Promise<string[]> {
  const cards = db.table<Card>('cards')
  await cards.bulkDelete([idOf(0), idOf(2_500), idOf(ROWS - 1)])
  await cards.add({ ...makeCard(1), id: 'card-00001x' })
  await cards.add({ ...makeCard(1), id: 'zzz' })
  for (let at = 100; at < ROWS; at += 500) {
    const card = makeCard(at)
    await cards.put({ ...card, backContent: { ...card.backContent, text: 'lost' } })
  }
  const changed = Array.from(
    { length: 10 },
    (_, at) => `${idOf(100 + at * 500)} changed backContent.text`,
  )
  const lost = [0, 2_500, ROWS - 1].map((at) => `${idOf(at)} missing `)
  return [...changed, ...lost, 'card-00001x extra ', 'zzz extra '].sort()
}

/** Writes a row to one store and a moment later to the other, over and over; answers how often. */
async function keepWriting(databases: readonly Dexie[], signal: AbortSignal): Promise<number> {
  let turn = 0
  for (; !signal.aborted; turn++) {
    const row = { ...makeCard(1 + ((turn * 37) % 98)), style: { type: 'glass', n: turn } }
    for (const db of turn % 2 ? databases : [...databases].reverse()) {
      const cards = db.table('cards')
      await cards.bulkPut([row, { ...row, id: `card-0200${turn}` }])
      await cards.delete(idOf(3_001 + (turn % 95)))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  return turn
}

const found = ({ divergences }: AuditReport) =>
  divergences.map(({ key, kind, paths }) => `${key} ${kind} ${paths}`).sort()

describe('an audit of two real databases', () => {
  it('finds what is planted and nothing else, through Dexie and through plain IndexedDB', async () => {
    const [legacy, refactored] = await openPair()
    const clean = await run(dexieSource(legacy), plain(refactored))
    expect(clean).toMatchObject({ clean: true, complete: true })
    expect(clean.tables[0]).toMatchObject({ compared: ROWS, equal: ROWS })
    const planted = await plant(refactored)
    for (const [left, right] of [
      [dexieSource(legacy), dexieSource(refactored)],
      [plain(legacy), plain(refactored)],
      [plain(legacy), dexieSource(refactored)],
    ] as const) {
      const report = await run(left, right)
      expect(found(report)).toEqual(planted)
      expect(report.tables[0]).toMatchObject({
        missing: 3,
        extra: 2,
        changed: 10,
        equal: ROWS - 13,
        inconclusive: 0,
      })
    }
  })

  it('reports no write that reaches both while it reads, and still finds what is lost', async () => {
    const [legacy, refactored] = await openPair()
    const planted = await plant(refactored)
    const stop = new AbortController()
    const writing = keepWriting([legacy, refactored], stop.signal)
    const reports: AuditReport[] = []
    for (let round = 0; round < 4; round++) {
      reports.push(await run(dexieSource(legacy), dexieSource(refactored), { settleMs: 200 }))
    }
    stop.abort()
    expect(await writing).toBeGreaterThan(20)
    for (const report of reports) expect(found(report)).toEqual(planted)
  })

  it('is clean after a repair, and as before once that is taken back', async () => {
    const [legacy, refactored] = await openPair()
    const planted = await plant(refactored)
    const sides = { left: dexieSource(legacy), right: plain(refactored), rules }
    const { divergences } = await run(sides.left, sides.right)
    const plan = await planRepair({ ...sides, divergences, winner: 'left' })
    const kept: UndoStep[] = []
    const keep = async (undo: readonly UndoStep[]) => {
      kept.push(...undo)
    }
    expect(await applyRepair({ ...sides, plan, keep })).toEqual({ done: 15, outdated: 0 })
    expect(await run(sides.left, sides.right)).toMatchObject({ clean: true })
    expect(await undoRepair(sides.right, kept)).toEqual({ done: 15, outdated: 0 })
    expect(found(await run(sides.left, sides.right))).toEqual(planted)
  })

  it('leaves a row that never comes to rest undecided', async () => {
    const [legacy, refactored] = await openPair()
    const cards = refactored.table<Card>('cards')
    let turn = 0
    const source = dexieSource(refactored)
    const busy: Source = {
      ...source,
      tables: ['cards'],
      async get(table, keys) {
        await cards.put({ ...makeCard(7), style: { type: 'busy', n: ++turn } })
        return source.get(table, keys)
      },
    }
    await cards.put({ ...makeCard(7), style: { type: 'busy', n: 0 } })
    const report = await run(dexieSource(legacy), busy, { settleMs: 1 })
    expect(report.tables[0]).toMatchObject({ changed: 0, inconclusive: 1, equal: ROWS - 1 })
  })
})

describe('the order of keys', () => {
  it('is the one of this browser', async () => {
    const keys: IDBValidKey[] = [
      'a',
      'aa',
      '\uffff',
      '\ud83d\ude00',
      '\ud83d',
      0,
      -0,
      -1,
      1e300,
      -Infinity,
      new Date(0),
      new Date(-1),
      new Uint8Array([]),
      new Uint8Array([1]),
      new Uint8Array([1, 0]),
      new Uint8Array([255]).buffer,
      [],
      [1],
      [1, 'a'],
      [[]],
      ['a', new Date(0)],
    ]
    for (const a of keys) {
      for (const b of keys) expect(compareKeys(a, b)).toBe(indexedDB.cmp(a, b))
    }
  })
})
