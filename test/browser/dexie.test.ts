import { Dexie, type Table } from 'dexie'
import { afterEach, describe, expect, it } from 'vitest'
import { dexieSource, grayStores, grayWrites } from '../../src/dexie.js'
import { createGraySync, type GraySync } from '../../src/index.js'
import type { EngineName } from '../../src/model/operation.js'
import type { Replica } from '../../src/model/writes.js'
import { createFakeEngine, type RowOperation } from '../../src/testing.js'
import { deleteDatabase } from '../support/database.js'
import { makeKeys, sign } from '../support/rollout.js'

interface Card {
  id: string
  text: string
}
type CardDatabase = Dexie & { cards: Table<Card, string> }

const STALE_WRITES = 150
// Else Dexie prints each refusal where the page is served from localhost.
Dexie.debug = false
const keys = await makeKeys()
const handles: GraySync<RowOperation>[] = []
const databases: CardDatabase[] = []
let version = 0

function describeCards(name: string, more: Record<string, string> = {}): CardDatabase {
  const db = new Dexie(name) as CardDatabase
  const stores = { cards: 'id', ...grayStores }
  db.version(1).stores(stores)
  if (Object.keys(more).length > 0) db.version(2).stores({ ...stores, ...more })
  databases.push(db)
  return db
}

/** An engine whose rows are in a database of its own, and whose queue is that of a fake one. */
function describeEngine(name: EngineName) {
  const fake = createFakeEngine(['cards'], name)
  const bare = describeCards(name)
  return {
    ...fake,
    fake,
    data: dexieSource(bare, { tables: ['cards'] }),
    store: {
      hydrate: async (_: string, rows: readonly unknown[]) =>
        void (await bare.cards.bulkPut(rows as Card[])),
      apply: async (op: RowOperation) =>
        void (await bare.cards.put({ ...op.row, id: op.entityId } as Card)),
      clear: () => bare.cards.clear(),
    },
  }
}

function describeEngines() {
  return { legacy: describeEngine('legacy'), refactored: describeEngine('refactored') }
}

/** A page of the app: a handle, and the app's instance of the database of one engine. */
async function load(
  engines: ReturnType<typeof describeEngines>,
  engine: EngineName,
  database: EngineName,
) {
  const stages = [{ name: 'all', share: engine === 'legacy' ? 0 : 100_000 }]
  const gray = createGraySync<RowOperation>({
    app: { name: 'test', version: '1' },
    engines,
    rollout: { keys: [keys.public], bootstrap: await sign(keys, { version: ++version, stages }) },
  })
  handles.push(gray)
  const db = describeCards(database)
  db.use(grayWrites(gray, { cards: toOperation }, { store: database }))
  return { gray, db }
}

const toOperation = (change: { type: string; key: IDBValidKey; row?: object }): RowOperation => ({
  entity: 'cards',
  entityId: String(change.key),
  kind: change.type,
  ...(change.row ? { row: { ...change.row } } : {}),
})

const isFenced = (result: PromiseSettledResult<unknown>) =>
  result.status === 'rejected' && (result.reason as { code?: string }).code === 'FENCED'

afterEach(async () => {
  for (const gray of handles.splice(0)) await gray.close()
  for (const db of databases.splice(0)) db.close()
  for (const name of ['legacy', 'refactored', 'graysync', 'graysync-control']) {
    await deleteDatabase(name)
  }
  localStorage.clear()
})

describe('on real IndexedDB', () => {
  it(`none of ${STALE_WRITES} writes under way commits after the replica was raised`, async () => {
    const { gray, db } = await load(describeEngines(), 'legacy', 'legacy')
    await db.open()
    await gray.start()
    const other = describeCards('legacy')
    await other.open()
    const begun: Promise<unknown>[] = []
    const writeSome = (count: number) => {
      for (let n = 0; n < count; n++) {
        begun.push(db.cards.put({ id: String(begun.length).padStart(3, '0'), text: 'stale' }))
      }
    }
    writeSome(STALE_WRITES / 3)
    // Another tab raises it in a transaction of its own, and sees which rows are there at that instant.
    const raising = other.transaction('rw', other.cards, other.table('graysyncFence'), async () => {
      const raised: Replica = {
        key: 'replica',
        flip: 3,
        term: 9,
        owner: 'refactored',
        epoch: 0,
      }
      await other.table('graysyncFence').put(raised)
      return other.cards.toCollection().primaryKeys()
    })
    writeSome(STALE_WRITES / 3)
    const there = await raising
    writeSome(STALE_WRITES / 3)
    const results = await Promise.allSettled(begun)
    const committed = results.flatMap(({ status }, n) =>
      status === 'fulfilled' ? [String(n).padStart(3, '0')] : [],
    )
    expect(results.filter(isFenced)).toHaveLength(STALE_WRITES - committed.length)
    expect(committed).toEqual(there)
    expect(await other.cards.toCollection().primaryKeys()).toEqual(there)
    expect(there.length).toBeLessThan(STALE_WRITES)
    const captured = (await gray.openOperations()).map(({ op }) => op.entityId)
    expect(captured).toEqual(there)
  })

  it('a page that goes on writing through a flip loses nothing that was taken, and gets nothing in afterwards', async () => {
    const engines = describeEngines()
    const stale = await load(engines, 'legacy', 'legacy')
    await stale.db.cards.put({ id: 'first', text: 'before' })
    await stale.gray.start()
    const next = await load(engines, 'refactored', 'refactored')
    await next.db.open()
    await stale.gray.close()
    const taken: string[] = []
    let refused = 0
    let over = false
    const writing = (async () => {
      for (let n = 0; !over || refused < STALE_WRITES; n++) {
        const id = `stale-${n}`
        await stale.db.cards.put({ id, text: 'meanwhile' }).then(
          () => void taken.push(id),
          () => void refused++,
        )
      }
    })()
    await next.gray.start()
    // A start does not wait for a long handover.
    const snapshot = () => next.gray.getSnapshot()
    await expect.poll(snapshot, { timeout: 10_000 }).toMatchObject({ running: 'refactored' })
    over = true
    const there = await describeCards('legacy').cards.toCollection().primaryKeys()
    await writing
    const expected = ['first', ...taken].sort()
    const rows = await describeCards('legacy').cards.toCollection().primaryKeys()
    expect(rows).toEqual(there)
    expect(rows).toEqual(expected)
    expect(refused).toBeGreaterThanOrEqual(STALE_WRITES)
    const queued = () => engines.refactored.fake.disk.queue.map(({ op }) => op.entityId).sort()
    await expect.poll(queued, { timeout: 5_000 }).toEqual(expected)
  })

  it('a database that another build upgraded, and Dexie opened again by itself, is still fenced', async () => {
    const engines = describeEngines()
    const stale = await load(engines, 'legacy', 'legacy')
    await stale.db.cards.put({ id: 'a', text: 'before' })
    await stale.gray.start()
    await stale.gray.close()
    const next = await load(engines, 'refactored', 'refactored')
    await next.gray.start()
    const upgraded = describeCards('legacy', { more: 'id' })
    await upgraded.open()
    upgraded.close()
    await expect(stale.db.cards.put({ id: 'late', text: '' })).rejects.toMatchObject({
      code: 'FENCED',
    })
    expect(await describeCards('legacy').cards.toCollection().primaryKeys()).toEqual(['a'])
  })
})
