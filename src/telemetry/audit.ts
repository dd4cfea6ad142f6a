import type { Platform } from '../model/platform.js'
import type { Telling } from '../model/record.js'
import type { AuditReport, Divergence, TableAudit } from '../model/source.js'
import { makeRecord } from './record.js'

const GROUPS = 50
const COUNTS = [
  'compared',
  'equal',
  'defaults',
  'missing',
  'extra',
  'changed',
  'inFlight',
  'inconclusive',
] as const

/** One record of the whole, and one for each way in which the rows of a table differ: names of fields, never values or keys. */
export function toAuditRecords(platform: Pick<Platform, 'now'>, report: AuditReport): Telling[] {
  const whole = makeRecord(platform, 'metric', 'graysync.audit', {
    'graysync.audit.left': report.left,
    'graysync.audit.right': report.right,
    'graysync.audit.complete': report.complete,
    'graysync.audit.clean': report.clean,
    'graysync.audit.duration.ms': report.durationMs,
    ...sum(report.tables),
  })
  const divergences = group(report.divergences).map(({ table, kind, paths, count }) =>
    makeRecord(platform, 'error', 'graysync.divergence', {
      'graysync.divergence.table': table,
      'graysync.divergence.kind': kind,
      'graysync.divergence.count': count,
      'graysync.divergence.paths': paths.join(', '),
    }),
  )
  return [whole, ...divergences]
}

interface Group extends Pick<Divergence, 'table' | 'kind' | 'paths'> {
  count: number
}

function group(divergences: readonly Divergence[]): Group[] {
  const groups = new Map<string, Group>()
  for (const { table, kind, paths } of divergences) {
    const key = JSON.stringify([table, kind, paths])
    const count = (groups.get(key)?.count ?? 0) + 1
    groups.set(key, { table, kind, paths, count })
  }
  return [...groups.values()].sort((a, b) => b.count - a.count).slice(0, GROUPS)
}

function sum(tables: readonly TableAudit[]): Record<string, number> {
  return Object.fromEntries(
    COUNTS.map((name) => [
      `graysync.audit.${name === 'inFlight' ? 'inflight' : name}`,
      tables.reduce((total, table) => total + table[name], 0),
    ]),
  )
}
