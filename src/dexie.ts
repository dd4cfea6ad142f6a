import type { Dexie, Table } from 'dexie'
import { keyReader } from './lib/keys.js'
import type { Rewritten, Source, SourceRow } from './model/source.js'

export type { Source, SourceRow } from './model/source.js'

/** What of a Dexie database a source shows. */
export interface DexieSourceOptions {
  /** How reports call it. @default the database's name */
  name?: string
  /** Tables to show. @default all tables of the schema */
  tables?: readonly string[]
}

/**
 * Shows the tables of a Dexie database to an audit, row by row in the order of their primary keys, which no index
 * leaves out. Writes only for a repair, and opens the database if Dexie would. Rejects with Dexie's own errors.
 *
 * @example
 * ```ts
 * import { Dexie } from 'dexie'
 * import { dexieSource } from 'graysync/dexie'
 *
 * const db = new Dexie('cards-next')
 * db.version(1).stores({ cards: 'id', folders: 'id' })
 * export const source = dexieSource(db, { tables: ['cards'] })
 * ```
 */
export function dexieSource(db: Dexie, o: DexieSourceOptions = {}): Source {
  return {
    name: o.name ?? db.name,
    // A schema that is read from the disk is known once the database is open.
    get tables() {
      return o.tables ?? db.tables.map(({ name }) => name)
    },
    page: (name, after, limit) => readPage(db.table(name), after, limit),
    get: (name, keys) => readRows(db.table(name), keys),
    count: (name) => Promise.resolve(db.table(name).count()),
    rewrite: (name, keys, change) => rewrite(db.table(name), keys, change),
  }
}

type RowTable = Table<Record<string, unknown>, IDBValidKey>

async function readPage(
  table: RowTable,
  after: IDBValidKey | undefined,
  limit: number,
): Promise<SourceRow[]> {
  const above = () => {
    const range = after === undefined ? table.toCollection() : table.where(':id').above(after)
    return range.limit(limit)
  }
  const keyOf = keyReader(table.schema.primKey.keyPath)
  if (keyOf) return (await above().toArray()).map((row) => ({ key: keyOf(row), row }))
  const [keys, rows] = await table.db.transaction('r', table, () =>
    Promise.all([above().primaryKeys(), above().toArray()]),
  )
  return rows.map((row, at) => ({ key: keys[at] as IDBValidKey, row }))
}

async function readRows(table: RowTable, keys: readonly IDBValidKey[]): Promise<SourceRow[]> {
  const rows = await table.bulkGet([...keys])
  return rows.flatMap((row, at) => (row ? [{ key: keys[at] as IDBValidKey, row }] : []))
}

async function rewrite(
  table: RowTable,
  keys: readonly IDBValidKey[],
  change: (key: IDBValidKey, row: SourceRow['row'] | undefined) => Rewritten,
): Promise<void> {
  const isBeside = keyReader(table.schema.primKey.keyPath) === null
  await table.db.transaction('rw', table, async () => {
    const rows = await table.bulkGet([...keys])
    for (const [at, key] of keys.entries()) {
      const next = change(key, rows[at])
      if (next === null) await table.delete(key)
      else if (next) await table.put({ ...next }, isBeside ? key : undefined)
    }
  })
}
