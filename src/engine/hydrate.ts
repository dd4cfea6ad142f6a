import type { Engine } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import type { AuditReport, Divergence, SourceRow } from '../model/source.js'
import { type Backup, pagesOf } from './backup.js'
import type { Coordinator } from './coordinator.js'
import { toSubject } from './oplog.js'

export interface Hydration<Op extends Operation> {
  source: Engine<Op>
  target: Engine<Op>
  /** Gets every row that is brought over. */
  backup?: Pick<Backup, 'put' | 'clear'>
  /** Rejects once another tab took over: a tab that stood still would put old rows over new ones. */
  coordinator: Pick<Coordinator, 'check'>
}

/** Fills the store of the target with every row that the source holds. Safe to repeat. */
export async function hydrate<Op extends Operation>(o: Hydration<Op>): Promise<void> {
  const { data } = o.source
  if (!o.target.store || !data) return
  await o.backup?.clear()
  await o.coordinator.check()
  await o.target.store.clear()
  for (const table of data.tables) {
    for await (const rows of pagesOf(data, table)) await bring(o, table, rows)
  }
}

async function bring<Op extends Operation>(
  { target, backup, coordinator }: Hydration<Op>,
  table: string,
  rows: readonly SourceRow[],
): Promise<void> {
  await backup?.put(table, rows)
  await coordinator.check()
  await target.store?.hydrate(
    table,
    rows.map(({ row }) => row),
  )
}

/** Brings single rows up to date that changed while the store was filled. */
export async function topUp<Op extends Operation>(
  o: Hydration<Op>,
  report: AuditReport,
): Promise<void> {
  const { data } = o.source
  if (!data) return
  const extra = report.tables.reduce((sum, table) => sum + table.extra, 0)
  const differing = report.tables.reduce((sum, table) => sum + table.missing + table.changed, extra)
  // A report lists so many rows and counts the rest; a row too many is only taken away by a new start.
  if (extra > 0 || differing > report.divergences.length || !report.complete) {
    return hydrate(o)
  }
  for (const table of new Set(report.divergences.map((row: Divergence) => row.table))) {
    const rows = report.divergences.filter((row) => row.table === table)
    const keys = rows.map((row) => row.key)
    await bring(o, table, await data.get(table, keys))
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
