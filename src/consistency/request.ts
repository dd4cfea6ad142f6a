import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { AuditProgress, CompareRules, Source } from '../model/source.js'
import type { Fingerprint } from './hash.js'
import type { Read } from './pairs.js'

/** What is to be compared, and how. */
export interface AuditRequest {
  platform: Platform
  left: Source
  right: Source
  rules: CompareRules
  /** Whether an operation on this row is open, so that the sides may rightly differ. */
  inFlight(table: string, key: IDBValidKey): boolean
  /** Only these. @default every table with rules; all that both have where there are no rules */
  tables?: readonly string[] | undefined
  /** Ends the audit early: the report then is not complete. */
  signal?: AbortSignal | undefined
  onProgress?: ((progress: AuditProgress) => void) | undefined
  /** How long a difference must stand before it counts, in ms. @default 500 */
  settleMs?: number
}

/** A difference counts once it stood this long. */
export const SETTLE_MS = 500
/** A pair that goes on changing is looked at after each of these multiples, then left undecided. */
export const PATIENCE: readonly number[] = [1, 2, 4, 8]

export function chooseTables({
  left,
  right,
  rules,
  tables,
}: Pick<AuditRequest, 'left' | 'right' | 'rules' | 'tables'>): readonly string[] {
  const ruled = Object.keys(rules.tables)
  const both = left.tables.filter((table) => right.tables.includes(table))
  const chosen = tables ?? (ruled.length > 0 ? ruled : both)
  for (const source of [left, right]) {
    const lacking = chosen.find((table) => !source.tables.includes(table))
    if (lacking === undefined) continue
    throw new GraySyncError('AUDIT', `source "${source.name}" has no table "${lacking}"`)
  }
  if (chosen.length > 0) return chosen
  throw new GraySyncError('AUDIT', `"${left.name}" and "${right.name}" have no table in common`)
}

export function drawSalt(platform: Pick<Platform, 'randomBytes'>): Fingerprint {
  const view = new DataView(platform.randomBytes(8).buffer)
  return { high: view.getInt32(0), low: view.getInt32(4) }
}

/** Tells how far the walk through a table is; nobody is asked for the size of a table where nobody listens. */
export async function createProgress(
  { platform, left, right, onProgress }: AuditRequest,
  table: string,
  before = 0,
): Promise<(rows: number) => void> {
  if (!onProgress) return () => {}
  const counts = await Promise.all(
    [left, right].map((source) => source.count?.(table).catch(() => undefined)),
  )
  const known = counts.filter((count) => count !== undefined)
  const total = known.length === 0 ? null : Math.max(...known)
  const began = platform.monotonic()
  let done = before
  return (rows) => {
    done += rows
    const pace = (platform.monotonic() - began) / Math.max(1, done - before)
    const leftMs = total === null ? null : Math.round(Math.max(0, total - done) * pace)
    onProgress({ table, done, total, leftMs })
  }
}

export interface Reading extends AuditRequest {
  signal: AbortSignal
  settleMs: number
  read: Read
}
