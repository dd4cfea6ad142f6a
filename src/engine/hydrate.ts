import type { Engine } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import type { AuditReport, Divergence } from '../model/source.js'
import { pagesOf } from './backup.js'
import { toSubject } from './oplog.js'

/**
 * Fills the store of `to` with every row that `from` holds. Safe to repeat. `check` rejects once another tab took over:
 * a tab that stood still would put old rows over new ones.
 */
export async function hydrate<Op extends Operation>(
  from: Engine<Op>,
  to: Engine<Op>,
  check: () => Promise<void>,
): Promise<void> {
  if (!to.store || !from.data) return
  await check()
  await to.store.clear()
  for (const table of from.data.tables) {
    for await (const rows of pagesOf(from.data, table)) {
      await check()
      await to.store.hydrate(
        table,
        rows.map(({ row }) => row),
      )
    }
  }
}

/** Brings single rows up to date that changed while the store was filled. */
export async function topUp<Op extends Operation>(
  from: Engine<Op>,
  to: Engine<Op>,
  report: AuditReport,
  check: () => Promise<void>,
): Promise<void> {
  if (!to.store || !from.data) return
  const extra = report.tables.reduce((sum, table) => sum + table.extra, 0)
  const differing = report.tables.reduce((sum, table) => sum + table.missing + table.changed, extra)
  // A report lists so many rows and counts the rest; a row too many is only taken away by a new start.
  if (extra > 0 || differing > report.divergences.length || !report.complete) {
    return hydrate(from, to, check)
  }
  for (const table of new Set(report.divergences.map((row: Divergence) => row.table))) {
    const rows = report.divergences.filter((row) => row.table === table)
    const fresh = await from.data.get(
      table,
      rows.map((row) => row.key),
    )
    await check()
    await to.store.hydrate(
      table,
      fresh.map(({ row }) => row),
    )
  }
}

/** Throws HANDOVER_VERIFY unless both stores hold the same rows, but for those whose last write is `carried` over by its operation. */
export function insistOnClean(report: AuditReport, carried: ReadonlySet<string>): void {
  if (report.clean) return
  const isCarried = ({ table, key }: Divergence) =>
    carried.has(toSubject({ entity: table, entityId: String(key) }))
  const [first] = report.divergences.filter((row) => !isCarried(row))
  const counted = report.tables.reduce(
    (sum, { missing, extra, changed, inconclusive }) =>
      sum + missing + extra + changed + inconclusive,
    0,
  )
  if (!first && report.complete && counted === report.divergences.length) return
  const where = first
    ? `${first.table}: ${first.kind} ${first.paths.join(', ')}`
    : 'a table could not be read to its end'
  throw new GraySyncError('HANDOVER_VERIFY', `the stores differ after hydration (${where})`)
}
