import { Dexie, type Table } from 'dexie'
import { grayStores, grayWrites } from '../../../src/dexie.js'
import { createGraySync } from '../../../src/index.js'

interface Card {
  id: string
  text: string
}

/** What a script outside says to a page whose writes are captured. */
export interface CapturedPage {
  /** Writes cards all the time, and answers once one of this id is written. */
  write(id: string): Promise<string>
  /** Writes long cards until there is no room for one, whose id it answers with the name of the error. */
  fill(): Promise<{ id: string; error: string }>
  /** Ids of the cards, and of the cards that an operation is about. */
  read(): Promise<{ rows: string[]; operations: string[] }>
}

declare global {
  interface Window {
    captured: CapturedPage
  }
}

const gray = createGraySync({
  app: { name: 'captured', version: '1' },
  // It acknowledges nothing: every operation stays.
  engines: { legacy: { version: '1', start: () => ({ push() {} }) } },
})
const db = new Dexie('cards') as Dexie & { cards: Table<Card, string> }
db.version(1).stores({ cards: 'id', ...grayStores })
db.use(
  grayWrites(gray, {
    cards: ({ key, type }) => ({ entity: 'cards', entityId: String(key), kind: type }),
  }),
)

const load = crypto.randomUUID()

async function keepWriting(): Promise<never> {
  for (let at = 0; ; at++) await db.cards.put({ id: `${load}-${at}`, text: 'along' })
}

window.captured = {
  async write(id) {
    void keepWriting()
    await db.cards.put({ id, text: 'told' })
    return id
  },
  async fill() {
    const text = 'x'.repeat(200_000)
    for (let at = 0; ; at++) {
      const id = `${load}-${at}`
      const error = await db.cards.put({ id, text }).then(
        () => null,
        (cause: Error) => String(cause),
      )
      if (error) return { id, error }
    }
  },
  async read() {
    const rows = await db.cards.toCollection().primaryKeys()
    // Before the op-log, since that is where they go from here.
    const beside = await db.table<{ op: { entityId: string } }>('graysyncCaptured').toArray()
    const about = [...beside, ...(await gray.openOperations())].map(({ op }) => op.entityId)
    return { rows: rows.sort(), operations: [...new Set(about)].sort() }
  },
}
await gray.start()
