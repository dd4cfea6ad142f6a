import { IDBFactory } from 'fake-indexeddb'

type Abortable = IDBTransaction & { _abort(name: string): void }

/** An IndexedDB whose connections and commits a test breaks. */
export interface FaultyFactory {
  factory: IDBFactory
  /** Every commit of a write fails as on a full disk: after all of its requests have succeeded. */
  full: boolean
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
      spoil(request.result, () => faulty.full)
    })
    return request
  }
  return faulty
}

function spoil(db: IDBDatabase, isFull: () => boolean): void {
  const begin = db.transaction.bind(db)
  db.transaction = (names, mode, options) => {
    const tx = begin(names, mode, options)
    const reach = tx.objectStore.bind(tx)
    tx.objectStore = (name) => {
      const store = reach(name)
      for (const verb of ['put', 'add'] as const) {
        const write = store[verb].bind(store)
        store[verb] = (value, key) => {
          const request = write(value, key)
          request.addEventListener('success', () => {
            if (isFull()) (tx as Abortable)._abort('QuotaExceededError')
          })
          return request
        }
      }
      return store
    }
    return tx
  }
}
