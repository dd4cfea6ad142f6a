import { cardEverything } from './lib/card-everything.js'
import { keyReader } from './lib/keys.js'
import type { CompareRules, Rewritten, Source, SourceRow } from './model/source.js'

export type { CompareRules, Source, SourceRow, TableRules } from './model/source.js'
export { type HttpSourceOptions, httpSource } from './sources/http.js'

/**
 * Compares the tables of CardEverything (cards, folders, tags, images) as a person would: counters, dates of writing
 * and what an engine derives do not count, a colour or icon that an engine made up is of class `default`.
 *
 * @example
 * ```ts
 * import { cardEverythingRules } from 'graysync/sources'
 *
 * export const compare = cardEverythingRules
 * ```
 */
export const cardEverythingRules: CompareRules = cardEverything

/** What of an IndexedDB database a source shows. */
export interface IdbSourceOptions {
  /** How reports call it. @default the database's name, or 'indexeddb' where it is opened later */
  name?: string
  /** Stores to show. @default all stores of an open database */
  tables?: readonly string[]
}

/**
 * Shows the object stores of a plain IndexedDB database to an audit, in the order of their primary keys. Give an open
 * database, or a function that opens it: that is called at the first read, and again after a version change closed
 * the connection. Writes only for a repair; rejects with IndexedDB's own errors.
 *
 * @example
 * ```ts
 * import { idbSource } from 'graysync/sources'
 *
 * export const source = idbSource(
 *   () =>
 *     new Promise<IDBDatabase>((resolve, reject) => {
 *       const request = indexedDB.open('cards')
 *       request.onsuccess = () => resolve(request.result)
 *       request.onerror = () => reject(request.error)
 *     }),
 *   { name: 'cards', tables: ['cards', 'folders'] },
 * )
 * ```
 */
export function idbSource(database: IDBDatabase, o?: IdbSourceOptions): Source
export function idbSource(
  open: () => Promise<IDBDatabase>,
  o: IdbSourceOptions & { tables: readonly string[] },
): Source
export function idbSource(
  database: IDBDatabase | (() => Promise<IDBDatabase>),
  o: IdbSourceOptions = {},
): Source {
  const isOpen = typeof database !== 'function'
  const begin = isOpen
    ? async (name: string, mode?: IDBTransactionMode) => storeOf(database, name, mode)
    : reopening(database)
  return {
    name: o.name ?? (isOpen ? database.name : 'indexeddb'),
    get tables() {
      return o.tables ?? (isOpen ? [...database.objectStoreNames] : [])
    },
    page: async (table, after, limit) => readPage(await begin(table), after, limit),
    get: async (table, keys) => readRows(await begin(table), keys),
    count: async (table) => settled((await begin(table)).count()),
    rewrite: async (table, keys, change) => rewrite(await begin(table, 'readwrite'), keys, change),
  }
}

type Begin = (name: string, mode?: IDBTransactionMode) => Promise<IDBObjectStore>

function storeOf(database: IDBDatabase, name: string, mode?: IDBTransactionMode): IDBObjectStore {
  return database.transaction(name, mode).objectStore(name)
}

/** Keeps one connection, and opens another when that was closed under it. */
function reopening(open: () => Promise<IDBDatabase>): Begin {
  let connection: Promise<IDBDatabase> | null = null
  const connect = () => {
    const opening = open()
    opening.catch(() => {
      connection = null
    })
    connection = opening
    return opening
  }
  return async (name, mode) => {
    const database = await (connection ?? connect())
    try {
      return storeOf(database, name, mode)
    } catch (cause) {
      if (!(cause instanceof Error) || cause.name !== 'InvalidStateError') throw cause
      return storeOf(await connect(), name, mode)
    }
  }
}

async function readPage(
  store: IDBObjectStore,
  after: IDBValidKey | undefined,
  limit: number,
): Promise<SourceRow[]> {
  const range = after === undefined ? null : IDBKeyRange.lowerBound(after, true)
  const rows = settled<Record<string, unknown>[]>(store.getAll(range, limit))
  const keyOf = keyReader(store.keyPath)
  if (keyOf) return (await rows).map((row) => ({ key: keyOf(row), row }))
  const [keys, values] = await Promise.all([settled(store.getAllKeys(range, limit)), rows])
  return values.map((row, at) => ({ key: keys[at] as IDBValidKey, row }))
}

async function readRows(store: IDBObjectStore, keys: readonly IDBValidKey[]): Promise<SourceRow[]> {
  const rows = await Promise.all(
    keys.map((key) => settled<Record<string, unknown> | undefined>(store.get(key))),
  )
  return rows.flatMap((row, at) => (row ? [{ key: keys[at] as IDBValidKey, row }] : []))
}

function rewrite(
  store: IDBObjectStore,
  keys: readonly IDBValidKey[],
  change: (key: IDBValidKey, row: SourceRow['row'] | undefined) => Rewritten,
): Promise<void> {
  const { transaction } = store
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
    for (const key of keys) {
      const request: IDBRequest<SourceRow['row'] | undefined> = store.get(key)
      request.onsuccess = () => {
        try {
          replace(store, key, change(key, request.result))
        } catch (cause) {
          reject(cause)
          transaction.abort()
        }
      }
    }
  })
}

function replace(store: IDBObjectStore, key: IDBValidKey, next: Rewritten): void {
  if (next === null) store.delete(key)
  else if (next) store.put(next, store.keyPath === null ? key : undefined)
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
