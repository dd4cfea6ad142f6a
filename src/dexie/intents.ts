import type { DBCore, DBCoreTransaction } from 'dexie'
import { createTracker, type Tracker } from '../lib/tracker.js'
import type { Changes } from '../model/source.js'
import type { Replica, WritePort } from '../model/writes.js'
import { writeBeside } from './beside.js'
import { FENCE, INTENTS, REPLICA } from './stores.js'

/** A region of a table, noted on the disk by one tab before the rows in it were judged. */
interface Intent {
  table: string
  region: number
  writer: string
}

/** What is known in this tab of the writes to one database, whichever of its instances wrote. */
export interface Ledger {
  readonly writer: string
  epoch: number
  readonly trackers: Map<string, Tracker>
}

/** Databases of one handle by name. */
const LEDGERS = new WeakMap<WritePort, Map<string, Ledger>>()

export function ledgerOf(port: WritePort, database: string): Ledger {
  const ledgers = LEDGERS.get(port) ?? new Map<string, Ledger>()
  LEDGERS.set(port, ledgers)
  const ledger = ledgers.get(database) ?? {
    writer: port.mintId(),
    epoch: 0,
    trackers: new Map<string, Tracker>(),
  }
  ledgers.set(database, ledger)
  return ledger
}

function trackerOf(ledger: Ledger, table: string): Tracker {
  const tracker = ledger.trackers.get(table) ?? createTracker()
  ledger.trackers.set(table, tracker)
  return tracker
}

/** Keeps a ledger in step with the replica that a transaction read: another tab may have taken the intents over. */
export function follow(ledger: Ledger, epoch: number): void {
  if (ledger.epoch === epoch) return
  ledger.epoch = epoch
  for (const tracker of ledger.trackers.values()) tracker.disown()
}

/** Notes rows in their own transaction: by region on the disk, by key in memory once it is committed. */
export function track(
  core: DBCore,
  ledger: Ledger,
  o: { trans: DBCoreTransaction; table: string; keys: readonly IDBValidKey[] },
): Promise<unknown> | null {
  const write = trackerOf(ledger, o.table).begin(o.keys)
  const trans = o.trans as unknown as IDBTransaction
  trans.addEventListener('complete', write.commit)
  trans.addEventListener('abort', write.abort)
  if (write.intents.length === 0) return null
  const { table } = o
  const { writer } = ledger
  const values = write.intents.map((region): Intent => ({ table, region, writer }))
  return writeBeside(core, INTENTS, { type: 'put', trans: o.trans, values })
}

/** What was written to a table and not judged since. Takes over what other tabs and former lives noted. */
export async function readTracked(core: DBCore, ledger: Ledger, table: string): Promise<Changes> {
  const tracker = trackerOf(ledger, table)
  await withIntents(core, table, async (trans, intents) => {
    const foreign = intents.filter(({ writer }) => writer !== ledger.writer)
    if (foreign.length === 0) return
    const replica = await readReplica(core, trans)
    const epoch = Math.max(ledger.epoch, replica.epoch) + 1
    const values = [{ ...replica, epoch }]
    await writeBeside(core, FENCE, { type: 'put', trans, values })
    const keys = foreign.map(toKey)
    await writeBeside(core, INTENTS, { type: 'delete', trans, keys })
    const own = foreign.map((intent) => ({ ...intent, writer: ledger.writer }))
    await writeBeside(core, INTENTS, { type: 'put', trans, values: own })
    follow(ledger, replica.epoch)
    ledger.epoch = epoch
    tracker.recover(foreign.map(({ region }) => region))
  })
  return {
    ...tracker,
    async checkpoint() {
      await withIntents(core, table, async (trans) => {
        // Inside the transaction: every other write has ended, or begins after the deletion.
        const keys = tracker.release().map((region) => [table, region, ledger.writer])
        await writeBeside(core, INTENTS, { type: 'delete', trans, keys })
      })
    },
  }
}

function toKey({ table, region, writer }: Intent): IDBValidKey {
  return [table, region, writer]
}

export async function readReplica(core: DBCore, trans: DBCoreTransaction): Promise<Replica> {
  const stored = (await core.table(FENCE).get({ trans, key: REPLICA })) as Replica | undefined
  return stored ?? { key: REPLICA, flip: 0, term: 0, owner: null, epoch: 0 }
}

/** Runs work while nothing else writes to this database, and waits for its commit. */
async function withIntents(
  core: DBCore,
  table: string,
  work: (trans: DBCoreTransaction, intents: readonly Intent[]) => Promise<void>,
): Promise<void> {
  const trans = core.transaction([FENCE, INTENTS], 'readwrite')
  const ended = new Promise<void>((resolve, reject) => {
    const transaction = trans as unknown as IDBTransaction
    transaction.addEventListener('complete', () => resolve())
    transaction.addEventListener('abort', () => reject(transaction.error))
  })
  const { primaryKey: index } = core.table(INTENTS).schema
  const range = { type: 2, lower: [table], upper: [table, []] } as const
  const { result } = await core
    .table(INTENTS)
    .query({ trans, values: true, query: { index, range } })
  await Promise.all([work(trans, result as Intent[]), ended])
}
