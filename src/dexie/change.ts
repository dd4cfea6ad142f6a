import type { DBCoreMutateRequest, DBCoreMutateResponse, DBCoreTable } from 'dexie'

/** One row that a transaction writes, as it will be; or the key of one that it deletes. */
export type RowChange =
  | { type: 'put'; key: IDBValidKey; row: Readonly<Record<string, unknown>> }
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

/** The keys that a mutation will write; `null` where only the database knows them. */
export function readKeys(
  { schema }: DBCoreTable,
  request: DBCoreMutateRequest,
): readonly IDBValidKey[] | null {
  if (request.type === 'deleteRange') return null
  if (request.type === 'delete' || request.keys) return request.keys ?? null
  const { extractKey } = schema.primaryKey
  const keys = extractKey ? request.values.map((row) => extractKey(row)) : []
  return keys.length > 0 && keys.every((key) => key !== undefined) ? keys : null
}

/** What a mutation did, row by row: keys that the database gave are known only afterwards, as are rows that it refused. */
export function readChanges(
  request: DBCoreMutateRequest,
  response: DBCoreMutateResponse,
  doomed: readonly IDBValidKey[],
): RowChange[] {
  const took = (_: unknown, at: number) => !response.failures[at]
  if (request.type === 'deleteRange') return doomed.map(toDelete)
  if (request.type === 'delete') return request.keys.filter(took).map(toDelete)
  return request.values
    .map((row, at): RowChange => ({ type: 'put', key: response.results?.[at], row }))
    .filter(took)
}

function toDelete(key: IDBValidKey): RowChange {
  return { type: 'delete', key }
}
