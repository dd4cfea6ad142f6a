import { IDBFactory } from 'fake-indexeddb'

type Abortable = IDBTransaction & { _abort(name: string): void }
interface Work {
  source?: { name: string }
  operation(): unknown
}
type Working = IDBTransaction & { _execRequestAsync(work: Work): unknown }

/** An IndexedDB whose connections and commits a test breaks. */
export interface FaultyFactory {
  factory: IDBFactory
  /** Every commit of a write, or of one to these stores, fails as on a full disk: after all of its requests have succeeded. Also one that wrote nothing. */
  full: boolean | ((stores: DOMStringList) => boolean)
  /** Every write to the store of this name is refused for want of room, as some browsers refuse it: the request fails, and its transaction goes on where that is heard. */
  refuses: string | null
  /** The next commit of a write gets through, but its answer says that the connection is gone. */
  isDeaf: boolean
  /** The database of this name never answers that a write has ended. */
  stalls: string | null
  /** `open` never answers. */
  hangs: boolean
  /** Every connection dies under its user. */
  cut(): void
}

export function createFaultyFactory(): FaultyFactory {
  const factory = new IDBFactory()
  const opened = new Set<IDBDatabase>()
  const open = factory.open.bind(factory)
  const faulty: FaultyFactory = {
    factory,
    full: false,
    refuses: null,
    isDeaf: false,
    stalls: null,
    hangs: false,
    cut() {
      for (const db of opened) db.close()
      opened.clear()
    },
  }
  factory.open = (name, version) => {
    if (faulty.hangs) return new IDBOpenDBRequest()
    const request = open(name, version)
    request.addEventListener('success', () => {
      opened.add(request.result)
      // At once, since Dexie keeps the function; and after whoever else opened it has put one of its own there.
      spoil(request.result, faulty)
      queueMicrotask(() => spoil(request.result, faulty))
    })
    return request
  }
  return faulty
}

function isFull({ full }: FaultyFactory, tx: IDBTransaction): boolean {
  return typeof full === 'function' ? full(tx.objectStoreNames) : full
}

/** Takes back what a transaction did in place of completing it, or does not tell that it completed. */
function spoil(db: IDBDatabase, faulty: FaultyFactory): void {
  const begin = db.transaction.bind(db)
  db.transaction = (names, mode, options) => {
    const tx = begin(names, mode, options)
    if (mode === 'readwrite') refuseWrites(tx as Working, faulty)
    const dispatch = tx.dispatchEvent.bind(tx)
    tx.dispatchEvent = (event) => {
      if (mode !== 'readwrite' || event.type !== 'complete') return dispatch(event)
      if (faulty.stalls === db.name) return true
      if (isFull(faulty, tx)) {
        ;(tx as Abortable)._abort('QuotaExceededError')
        return true
      }
      if (!faulty.isDeaf) return dispatch(event)
      faulty.isDeaf = false
      Object.assign(tx, { error: new DOMException('gone', 'UnknownError') })
      return dispatch(Object.assign(event, { type: 'abort' }))
    }
    return tx
  }
}

function refuseWrites(tx: Working, faulty: FaultyFactory): void {
  const exec = tx._execRequestAsync.bind(tx)
  tx._execRequestAsync = (work) => {
    const isWrite = /storeRecord|deleteRecord|clear/.test(work.operation.name)
    if (!isWrite || work.source?.name !== faulty.refuses) return exec(work)
    const operation = () => {
      throw new DOMException('no room', 'QuotaExceededError')
    }
    return exec({ ...work, operation })
  }
}
