import type { DBCoreMutateRequest, DBCoreMutateResponse, DBCoreTable } from 'dexie'
import { isKey } from '../lib/keys.js'

type Row = Readonly<Record<string, unknown>>

/** One row that a transaction writes, as it will be; or the key of one that it deletes. */
export type RowChange =
  | { type: 'put'; key: IDBValidKey; row: Row }
  | { type: 'delete'; key: IDBValidKey }

/** The keys that a range will take away, read before it does. */
export function readDoomed(
  table: DBCoreTable,
  request: DBCoreMutateRequest,
): Promise<IDBValidKey[]> | null {
  if (request.type !== 'deleteRange') return null
  const { trans, range } = request
  const query = { index: table.schema.primaryKey, range }
  return table.query({ trans, query, values: false }).then(({ result }) => result)
}

/** The keys that a mutation will write; `null` where only the database knows them, or will refuse one. */
export function readKeys(
  { schema }: DBCoreTable,
  request: DBCoreMutateRequest,
): readonly IDBValidKey[] | null {
  if (request.type === 'deleteRange') return null
  const { extractKey } = schema.primaryKey
  const values = 'values' in request ? request.values : []
  const keys: readonly IDBValidKey[] = request.keys ?? values.map((row) => extractKey?.(row))
  return keys.every(isKey) ? keys : null
}

/** What a mutation did, row by row: keys that the database gave are known only afterwards, as are rows that it refused. */
export function readChanges(
  { schema }: DBCoreTable,
  request: DBCoreMutateRequest,
  { failures, results, doomed }: DBCoreMutateResponse & { doomed: readonly IDBValidKey[] },
): RowChange[] {
  const took = (_: unknown, at: number) => !failures[at]
  if (request.type === 'deleteRange') return failures[0] ? [] : doomed.map(toDelete)
  if (request.type === 'delete') return request.keys.filter(took).map(toDelete)
  const { autoIncrement, keyPath, extractKey } = schema.primaryKey
  // The database puts a key that it gives into its own copy of the row.
  const steps = autoIncrement && typeof keyPath === 'string' ? keyPath.split('.') : []
  return request.values
    .map((given, at): RowChange => {
      const key = results?.[at]
      const row = extractKey?.(given) === undefined ? withKey(given, steps, key) : given
      return { type: 'put', key, row }
    })
    .filter(took)
}

function withKey(row: Row, [step, ...deeper]: readonly string[], key: IDBValidKey): Row {
  if (step === undefined) return row
  const inner = deeper.length > 0 ? withKey((row[step] ?? {}) as Row, deeper, key) : key
  return { ...row, [step]: inner }
}

function toDelete(key: IDBValidKey): RowChange {
  return { type: 'delete', key }
}
