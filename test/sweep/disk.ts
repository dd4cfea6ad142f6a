import 'fake-indexeddb/auto'
import { IDBFactory as FakeFactory } from 'fake-indexeddb'

/** What the last thing a transaction did turns into. */
export type Spoilage =
  /** Rolled back after every request has succeeded. */
  | { kind: 'abort'; name: 'QuotaExceededError' | 'UnknownError' }
  /** Committed, but its answer says that it was not. */
  | { kind: 'deaf' }
  /** Committed, and told late. */
  | { kind: 'late'; ms: number }

/** Whoever uses the disk: decides whether it hears of an event, and when. */
export interface Reader {
  isDead(): boolean
  deliver(kind: string, run: () => void): void
  later(ms: number, run: () => void): void
  /** Asked at every commit of a write. */
  spoil(): Spoilage | null
  /** Asked at every begin of a transaction. */
  refuses(): boolean
}

/** One user's view of a disk: what is committed survives it, what is not goes with it. */
export interface View {
  factory: IDBFactory
  /** The connections die, with the transactions on them. */
  cut(): void
  /** The user is gone: what it asked to commit may still come through, the rest is rolled back. */
  abandon(mayCommit: () => boolean): void
}

/** A disk that several users share, in memory. */
export interface Disk {
  view(reader: Reader): View
  /** What a store holds, committed or not, read past the transactions; not to be changed. */
  peek<T>(database: string, store: string): readonly Readonly<T>[]
  /** Everything is gone, as when a user clears the data of a site. */
  wipe(): void
}

interface RawTransaction extends IDBTransaction {
  _state: 'active' | 'inactive' | 'committing' | 'finished'
  _abort(name: string | null): void
  _execRequestAsync(order: object): IDBRequest
}
interface RawStore {
  records: { values(): Iterable<{ value: unknown }> }
}
interface RawDatabase {
  processTransactions(): void
  rawObjectStores: Map<string, RawStore>
}
type Raw = IDBDatabase & { _rawDatabase: RawDatabase }
type RawFactory = IDBFactory & { _databases: Map<string, RawDatabase> }

export function createDisk(): Disk {
  let factory = new FakeFactory() as unknown as RawFactory
  return {
    view: (reader) => createView(() => factory, reader),
    peek<T>(database: string, store: string): readonly Readonly<T>[] {
      const raw = factory._databases.get(database)?.rawObjectStores.get(store)
      return raw ? [...raw.records.values()].map((record) => record.value as T) : []
    },
    wipe() {
      factory = new FakeFactory() as unknown as RawFactory
    },
  }
}

function createView(present: () => RawFactory, reader: Reader): View {
  const connections = new Set<Raw>()
  const open = new Set<RawTransaction>()

  const watchRequest = (request: IDBRequest): IDBRequest => {
    if (Object.hasOwn(request, 'dispatchEvent')) return request
    const dispatch = request.dispatchEvent.bind(request)
    request.dispatchEvent = (event) => {
      reader.deliver(event.type, () => void dispatch(event))
      return true
    }
    return request
  }

  const watch = (tx: RawTransaction, raw: RawDatabase): void => {
    open.add(tx)
    const run = tx._execRequestAsync.bind(tx)
    tx._execRequestAsync = (order) => watchRequest(run(order))
    const dispatch = tx.dispatchEvent.bind(tx)
    const tell = (event: Event) => {
      open.delete(tx)
      // An upgrade ends inside of the factory, whoever asked for it.
      if (tx.mode === 'versionchange') return void dispatch(event)
      // Others go on whether or not this user ever hears of the end.
      raw.processTransactions()
      reader.deliver(event.type, () => void dispatch(event))
    }
    const spoil = (event: Event, spoilage: Spoilage) => {
      if (spoilage.kind === 'abort') tx._abort(spoilage.name)
      else if (spoilage.kind === 'late') reader.later(spoilage.ms, () => tell(event))
      else {
        Object.assign(tx, { error: new DOMException('gone', 'UnknownError') })
        tell(Object.assign(event, { type: 'abort' }))
      }
    }
    tx.dispatchEvent = (event) => {
      if (event.type !== 'complete' && event.type !== 'abort') return dispatch(event)
      const isWritten = event.type === 'complete' && tx.mode === 'readwrite' && !reader.isDead()
      const spoilage = isWritten ? reader.spoil() : null
      if (spoilage) spoil(event, spoilage)
      else tell(event)
      return true
    }
  }

  const adopt = (db: Raw) => {
    connections.add(db)
    let begin = db.transaction.bind(db)
    const transaction: IDBDatabase['transaction'] = (names, mode, options) => {
      if (reader.refuses()) throw new DOMException('the backing store is lost', 'UnknownError')
      const tx = begin(names, mode, options) as RawTransaction
      watch(tx, db._rawDatabase)
      return tx
    }
    // Whoever else stands in between does so behind this one.
    Object.defineProperty(db, 'transaction', {
      get: () => transaction,
      set(next: typeof begin) {
        begin = next
      },
    })
  }

  const openDatabase: IDBFactory['open'] = (name, version) => {
    const factory = present()
    const request = factory.open(name, version)
    const dispatch = request.dispatchEvent.bind(request)
    request.dispatchEvent = (event) => {
      if (event.type === 'upgradeneeded') {
        const tx = request.transaction as RawTransaction
        // Who is gone makes no stores.
        if (reader.isDead()) {
          tx._abort('AbortError')
          return true
        }
        watch(tx, (request.result as Raw)._rawDatabase)
        return dispatch(event)
      }
      reader.deliver(`open ${event.type}`, () => {
        if (event.type === 'success') adopt(request.result as Raw)
        // What was wiped while it opened is not there any more.
        if (event.type === 'success' && factory !== present()) request.result.close()
        dispatch(event)
      })
      if (event.type === 'success' && reader.isDead()) request.result.close()
      return true
    }
    return request
  }

  return {
    factory: new Proxy({} as IDBFactory, {
      get: (_, member) =>
        member === 'open' ? openDatabase : Reflect.get(present(), member).bind(present()),
    }),
    cut() {
      for (const tx of open) if (tx._state !== 'finished') tx._abort('AbortError')
      for (const db of connections) db.close()
      connections.clear()
    },
    abandon(mayCommit) {
      for (const tx of open) {
        if (tx._state === 'finished' || (tx._state === 'committing' && mayCommit())) continue
        tx._abort('AbortError')
      }
      for (const db of connections) db.close()
      connections.clear()
    },
  }
}
