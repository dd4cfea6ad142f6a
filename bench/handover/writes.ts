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

/** How a write is taken: bare, checked, checked and tracked, or checked, captured and tracked. */
export type Way = 'bare' | 'fence' | 'tracked' | 'full'

const { graysyncFence, graysyncIntents } = grayStores
const STORES: Readonly<Record<Way, Readonly<Record<string, string>>>> = {
  bare: {},
  fence: { graysyncFence },
  tracked: { graysyncFence, graysyncIntents },
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
  ways: readonly Way[] = ['bare', 'fence', 'full'],
): Promise<{ single: Record<Way, number[]>; bulk: Record<Way, number[]> }> {
  await gray.start()
  const databases = {
    bare: open('bare'),
    fence: open('fence'),
    tracked: open('tracked'),
    full: open('full'),
  }
  for (const way of ways) await databases[way].cards.clear()
  // The first write of a region notes it on the disk: paid once between two comparisons.
  for (const way of ways) {
    await databases[way].cards.bulkPut(Array.from({ length: 1_000 }, (_, n) => makeCard(n)))
  }
  const single: Record<Way, number[]> = { bare: [], fence: [], tracked: [], full: [] }
  const bulk: Record<Way, number[]> = { bare: [], fence: [], tracked: [], full: [] }
  const measure = async (into: Record<Way, number[]>, n: number, rows: number) => {
    // What the one before left behind is not always the same.
    const order = n % 2 ? ways.toReversed() : ways
    for (let turn = 0; turn < order.length; turn++) {
      const way = order[((n >> 1) + turn) % order.length] as Way
      // What was captured is on its way before anything is timed.
      if (ways.includes('full')) await gray.openOperations()
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
