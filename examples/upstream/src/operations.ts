import * as v from 'valibot'
import type { Database } from './database.js'
import { MEBIBYTE } from './limits.js'
import { parse, refuse } from './problem.js'
import { type CloudRow, Id, TABLE_NAMES, TABLES, type Table } from './tables.js'
import { transactAs } from './user.js'

/** What the database is asked to do with one row. */
export interface Write {
  opId?: string
  entity: Table
  entityId: string
  kind: 'put' | 'patch' | 'delete'
  row?: Record<string, unknown>
}

/** Who sends, and under which fencing token. */
export interface Sender {
  device: string
  term: number
}

export const OUTCOMES = ['applied', 'duplicate', 'conflict', 'fenced'] as const
export type Outcome = (typeof OUTCOMES)[number]

export interface Result {
  opId: string
  outcome: Outcome
}

const MAX_ROW_BYTES = 2 * MEBIBYTE
const OpId = v.pipe(v.string(), v.minLength(1), v.maxLength(200))
const Device = v.pipe(v.string(), v.minLength(1), v.maxLength(200))
const Term = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

const Apply = v.object({
  device: Device,
  term: Term,
  operations: v.pipe(
    v.array(
      v.object({
        opId: OpId,
        entity: v.picklist(TABLE_NAMES),
        entityId: Id,
        kind: v.picklist(['put', 'delete']),
        row: v.nullish(v.record(v.string(), v.unknown())),
      }),
    ),
    v.minLength(1),
    v.maxLength(100),
  ),
})

/** Reads the body of `POST /api/apply`. */
export function parseApply(body: unknown, user: string): { sender: Sender; writes: Write[] } {
  const { device, term, operations } = parse(Apply, body)
  const writes = operations.map(({ row, ...operation }, index): Write => {
    if (operation.kind === 'delete') return operation
    const at = `operations.${index}.row`
    const given = { ...(row ?? {}), id: row?.id ?? operation.entityId }
    if (given.id !== operation.entityId) {
      const field = `${at}.id`
      throw refuse(400, { code: 'INVALID', message: `${field} is not the entityId`, field })
    }
    return { ...operation, row: parseRow(operation.entity, given, user, at) }
  })
  return { sender: { device, term }, writes }
}

/** Reads one row as a client may write it. */
export function parseRow(table: Table, input: unknown, user: string, at = ''): CloudRow {
  const row = parse(TABLES[table], input, at)
  checkOwner(row, user, at)
  return row
}

/** Reads some columns of a row. */
export function parseColumns(table: Table, input: unknown, user: string): Record<string, unknown> {
  const columns = parse(v.partial(TABLES[table] as (typeof TABLES)['cards']), input)
  checkOwner(columns, user, '')
  return columns
}

function checkOwner(row: Record<string, unknown>, user: string, at: string): void {
  const prefix = at && `${at}.`
  if (typeof row.user_id === 'string' && row.user_id.toLowerCase() !== user) {
    const field = `${prefix}user_id`
    throw refuse(403, { code: '42501', message: `${field} is another user`, field })
  }
  if (Buffer.byteLength(JSON.stringify(row)) > MAX_ROW_BYTES) {
    const field = at || 'row'
    throw refuse(413, { code: 'SIZE', message: `${field} is above ${MAX_ROW_BYTES} bytes`, field })
  }
}

/** Reads the headers with which a request of the legacy engine joins the ledger; without an operation's id it does not. */
export function parseSender(
  header: (name: string) => string | undefined,
): (Sender & { opId: string }) | null {
  const opId = header('graysync-operation')
  if (opId === undefined) return null
  const term = header('graysync-term') || undefined
  return parse(v.object({ opId: OpId, device: Device, term: Term }), {
    opId,
    device: header('graysync-device'),
    term: term && Number(term),
  })
}

/** Applies operations through the ledger and the fence, all or none. */
export function apply(
  database: Database,
  user: string,
  sender: Sender,
  writes: readonly Write[],
): Promise<Result[]> {
  return transactAs(database, user, async (queries) => {
    const rows = await queries.query<{ results: Result[] }>(
      'select graysync_apply($1, $2::bigint, $3::jsonb) as results',
      [sender.device, sender.term, JSON.stringify(writes)],
    )
    return rows[0]?.results ?? []
  })
}

/** Writes rows as they come, last write wins: what a client gets that sends no operation id. */
export async function write(
  database: Database,
  user: string,
  writes: readonly Write[],
): Promise<void> {
  await transactAs(database, user, (queries) =>
    queries.query(
      `select graysync_write($1::uuid, graysync_resolve($1::uuid, operation))
       from jsonb_array_elements($2::jsonb) as operation`,
      [user, JSON.stringify(writes)],
    ),
  )
}

/** The outcome that a sender must act on first. */
export function worstOutcome(results: readonly Result[]): Outcome {
  const rank = Math.max(0, ...results.map(({ outcome }) => OUTCOMES.indexOf(outcome)))
  return OUTCOMES[rank] ?? 'applied'
}
