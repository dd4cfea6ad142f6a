import type { Engine, Identified, Operation, Pending } from '../../src/index.js'
import { idbSource } from '../../src/sources.js'

export interface CardOp extends Operation {
  row: Readonly<Record<string, unknown>>
}

export const TABLES = ['cards', 'images']

export function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name)
    request.onupgradeneeded = () => {
      for (const table of TABLES) request.result.createObjectStore(table, { keyPath: 'id' })
      request.result.createObjectStore('queue', { keyPath: 'at' })
      request.result.createObjectStore('staged', { keyPath: ['handover', 'at'] })
    }
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

export const toPromise = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

type Stored = Pending<CardOp> & { at: number }

/** As many as the page can read or put without anybody noticing. */
const AT_ONCE = 100

/** Reads a store by pages inside one transaction. */
async function readAll<T>(store: IDBObjectStore, range?: IDBKeyRange): Promise<T[]> {
  const keys = await toPromise(store.getAllKeys(range))
  const rows: T[] = []
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    const last = keys[Math.min(at + AT_ONCE, keys.length) - 1]
    rows.push(...(await toPromise<T[]>(store.getAll(IDBKeyRange.bound(keys[at], last)))))
  }
  return rows
}

async function putAll(store: IDBObjectStore, rows: readonly object[]): Promise<void> {
  for (let at = 0; at < rows.length; at += AT_ONCE) {
    const puts = rows.slice(at, at + AT_ONCE).map((row) => toPromise(store.put(row)))
    await Promise.all(puts)
  }
}

/** An engine over a database of its own, with a queue that is never sent: its server can't be reached. */
export async function createEngine(
  name: string,
  onQueued: (count: number) => void = () => {},
): Promise<Engine<CardOp>> {
  const db = await open(name)
  let last = 0
  const write = (tables: string[], work: (tx: IDBTransaction) => void) =>
    new Promise<void>((resolve, reject) => {
      const tx = db.transaction(tables, 'readwrite')
      work(tx)
      tx.oncomplete = () => resolve()
      tx.onabort = () => reject(tx.error)
    })
  const apply = ({ entity, entityId, row }: Identified<CardOp>) =>
    write([entity], (tx) => tx.objectStore(entity).put({ ...row, id: entityId }))
  const stagedOf = (handover: string) => IDBKeyRange.bound([handover], [handover, []])
  const read = (table: string, range?: IDBKeyRange) =>
    readAll<Stored>(db.transaction(table).objectStore(table), range)
  return {
    version: '1',
    replay: 'keyed',
    data: idbSource(db, { name, tables: TABLES }),
    store: {
      hydrate: (table, rows) =>
        write([table], (tx) => {
          for (const row of rows) tx.objectStore(table).put(row)
        }),
      apply,
      clear: () =>
        write(TABLES, (tx) => {
          for (const table of TABLES) tx.objectStore(table).clear()
        }),
    },
    queue: {
      async size() {
        const count = await toPromise(db.transaction('queue').objectStore('queue').count())
        return { count, inflight: 0 }
      },
      exporter: {
        read: () => read('queue'),
        seal: () => write(['queue'], (tx) => tx.objectStore('queue').clear()),
      },
      importer: {
        async stage(ops, handover) {
          await write(['staged'], (tx) => {
            const staged = tx.objectStore('staged')
            staged.delete(stagedOf(handover))
            void putAll(
              staged,
              ops.map((op, at) => ({ ...op, handover, at })),
            )
          })
          return (await read('staged', stagedOf(handover))).map(({ opId }) => opId)
        },
        async activate(handover) {
          const ops = await read('staged', stagedOf(handover))
          await write(['staged', 'queue'], (tx) => {
            void putAll(tx.objectStore('queue'), ops)
            tx.objectStore('staged').delete(stagedOf(handover))
          })
        },
        discard: (handover) =>
          write(['staged'], (tx) => tx.objectStore('staged').delete(stagedOf(handover))),
      },
    },
    start: () => ({
      async push(op) {
        await apply(op)
        last++
        await write(['queue'], (tx) =>
          tx.objectStore('queue').put({ opId: op.opId, op, userId: null, state: 'open', at: last }),
        )
        onQueued(last)
      },
      stop: () => ({ clean: true, inflight: [] }),
    }),
  }
}
