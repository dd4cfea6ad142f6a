import { Dexie, type Table } from 'dexie'
import { grayStores, grayWrites } from '../../src/dexie.js'
import { createGraySync, type Operation } from '../../src/index.js'

interface Card {
  id: string
  title: string
  body: string
  tags: readonly string[]
  updatedAt: Date
}
type CardDatabase = Dexie & { cards: Table<Card, string> }

interface CardOp extends Operation {
  row?: Readonly<Record<string, unknown>>
}

/** How a write is taken: bare, checked, or checked, captured and tracked. */
export type Way = 'bare' | 'fence' | 'full'
const WAYS: readonly Way[] = ['bare', 'fence', 'full']

const { graysyncFence } = grayStores
const STORES: Readonly<Record<Way, Readonly<Record<string, string>>>> = {
  bare: {},
  fence: { graysyncFence },
  full: grayStores,
}

const gray = createGraySync<CardOp>({ app: { name: 'bench', version: '1' } })

function open(way: Way): CardDatabase {
  const db = new Dexie(`bench-${way}`) as CardDatabase
  db.version(1).stores({ cards: 'id', ...STORES[way] })
  if (way === 'bare') return db
  const captured = {
    cards: (change: { type: 'put' | 'delete'; key: IDBValidKey; row?: object }) => ({
      entity: 'cards',
      entityId: String(change.key),
      kind: change.type,
      ...(change.row && { row: { ...change.row } }),
    }),
  }
  db.use(grayWrites(gray, way === 'full' ? captured : {}))
  return db
}

function makeCard(n: number): Card {
  return {
    id: `card-${n % 1_000}`,
    title: `Card number ${n}`,
    body: 'A few words that somebody wrote. '.repeat(16),
    tags: ['one', 'two', 'three'],
    updatedAt: new Date(n),
  }
}

/** Times of single writes in ms, a round over all ways in turns, and of bulks of 100 rows. */
export async function measureWrites(
  rounds: number,
): Promise<{ single: Record<Way, number[]>; bulk: Record<Way, number[]> }> {
  await gray.start()
  const databases = { bare: open('bare'), fence: open('fence'), full: open('full') }
  for (const way of WAYS) await databases[way].cards.clear()
  // The first write of a region notes it on the disk: paid once between two comparisons.
  for (const way of WAYS) {
    await databases[way].cards.bulkPut(Array.from({ length: 1_000 }, (_, n) => makeCard(n)))
  }
  const single: Record<Way, number[]> = { bare: [], fence: [], full: [] }
  const bulk: Record<Way, number[]> = { bare: [], fence: [], full: [] }
  const measure = async (into: Record<Way, number[]>, n: number, rows: number) => {
    for (let turn = 0; turn < WAYS.length; turn++) {
      const way = WAYS[(n + turn) % WAYS.length] as Way
      // What was captured is on its way before anything is timed.
      await gray.openOperations()
      const { cards } = databases[way]
      const cardsToPut = Array.from({ length: rows }, (_, at) => makeCard(n * rows + at))
      const [first] = cardsToPut
      const before = performance.now()
      if (rows === 1 && first) await cards.put(first)
      else await cards.bulkPut(cardsToPut)
      into[way].push(performance.now() - before)
    }
  }
  for (let n = 0; n < rounds; n++) await measure(single, n, 1)
  for (let n = 0; n < rounds / 10; n++) await measure(bulk, n, 100)
  return { single, bulk }
}
