import { Dexie } from 'dexie'
import { dexieSource, grayStores, grayWrites } from '../../src/dexie.js'
import { createGraySync } from '../../src/index.js'

/** Rows that a write may reach on one side only. */
const LOSSY = 100

/** What a script outside says to the page. */
export interface FaultsPage {
  /** The same rows on both sides, where there are none yet. */
  fill(rows: number): Promise<void>
  /** Writes to one side and then to the other, and audits, without end. */
  work(rows: number): void
  /** Ends that, and answers what an audit tells and what differs. */
  settle(): Promise<{ told: string[]; differing: string[]; waiting: number }>
}

interface Card {
  id: string
  text: string
}

const [left, right] = ['faults-left', 'faults-right'].map((name) => {
  const db = new Dexie(name)
  db.version(1).stores({ cards: 'id', ...grayStores })
  return db
}) as [Dexie, Dexie]
const tables = ['cards']
const gray = createGraySync({
  app: { name: 'faults', version: '1' },
  engines: { legacy: { version: '1', start() {}, data: dexieSource(left, { tables }) } },
  compare: { tables: { cards: {} } },
})
for (const db of [left, right]) db.use(grayWrites(gray))

const idOf = (at: number) => `card-${String(at).padStart(6, '0')}`
const cardsOf = (db: Dexie) => db.table<Card, string>('cards')
const audit = () =>
  gray.audit({ against: dexieSource(right, { tables }), incremental: true, tables })

let ended = false
let working: Promise<unknown> = Promise.resolve()

async function keepWriting(rows: number): Promise<void> {
  while (!ended) {
    const at = Math.floor(Math.random() * (Math.random() < 0.3 ? LOSSY : rows))
    const card = { id: idOf(at), text: `${Math.floor(Math.random() * 3)}` }
    const sides = Math.random() < 0.5 ? [left, right] : [right, left]
    const isLost = at < LOSSY && Math.random() < 0.2
    for (const db of isLost ? sides.slice(1) : sides) {
      if (Math.random() < 0.1) await cardsOf(db).delete(card.id)
      else await cardsOf(db).put(card)
    }
  }
}

async function keepAuditing(): Promise<void> {
  while (!ended) await audit()
}

const page: FaultsPage = {
  async fill(rows) {
    for (const db of [left, right]) {
      if ((await cardsOf(db).count()) > 0) continue
      const cards = Array.from({ length: rows }, (_, at) => ({ id: idOf(at), text: '0' }))
      await cardsOf(db).bulkPut(cards)
    }
  },
  work(rows) {
    ended = false
    working = Promise.all([keepWriting(rows), keepAuditing()])
  },
  async settle() {
    ended = true
    await working
    const report = await audit()
    const [a = [], b = []] = await Promise.all([left, right].map((db) => cardsOf(db).toArray()))
    const texts = [a, b].map((cards) => new Map(cards.map(({ id, text }) => [id, text])))
    const ids = [...new Set([...a, ...b].map(({ id }) => id))]
    return {
      told: report.divergences.map(({ key }) => String(key)).sort(),
      differing: ids.filter((id) => texts[0]?.get(id) !== texts[1]?.get(id)).sort(),
      waiting: report.tables[0]?.coverage?.waiting ?? -1,
    }
  },
}

await gray.start()
Object.assign(globalThis, { faults: page })
