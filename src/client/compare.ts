import { nameRow, trackFlight } from '../consistency/flight.js'
import type { AuditRequest } from '../consistency/request.js'
import { readControl } from '../engine/control.js'
import { readOpen } from '../engine/oplog.js'
import { audit } from '../flows/audit.js'
import { follow } from '../flows/follow.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { AuditOptions, AuditReport, Source } from '../model/source.js'
import { type Ledgers, openLedgers } from '../store/ledger.js'
import type { Core } from './core.js'
import { auditInWorker } from './delegate.js'

/** Longer than two engines need to read what the other one sent: what differs sooner may be on its way. */
export const SHADOW_SETTLE_MS = 120_000

export interface Comparison extends Omit<AuditOptions, 'against'> {
  left: Source
  right: Source
  /** Whose queue tells, beside the op-log, what is on the way. */
  running: EngineName | null
  /** Operations that `right` does not hold yet, though they may have their end. @default none */
  behind?: () => readonly Operation[]
  /** How long a difference must stand before it counts. @default that of an audit */
  settleMs?: number
  /** An incremental audit walks no faster. @default as fast as it can */
  rowsPerSecond?: number
}

/** Compares two sources while users and engines go on: a row with an operation on the way is not judged. */
export async function compareLive<Op extends Operation>(
  core: Core<Op>,
  o: Comparison,
): Promise<AuditReport> {
  const { left, right, worker } = o
  const readFlight = () => readKeysInFlight(core, o)
  const common = {
    platform: core.platform,
    rules: core.options.compare ?? { tables: {} },
    ...(o.tables && { tables: o.tables }),
    ...(o.onProgress && { onProgress: o.onProgress }),
    ...(o.settleMs !== undefined && { settleMs: o.settleMs }),
    signal: o.signal ? AbortSignal.any([o.signal, core.signal]) : core.signal,
  }
  if (worker) {
    return auditInWorker({ ...common, worker, left: left.name, right: right.name, readFlight })
  }
  const flight = await trackFlight(readFlight)
  const request: AuditRequest = {
    ...common,
    left: flight.watch(left),
    right: flight.watch(right),
    inFlight: flight.has,
  }
  return o.incremental ? followAlone(core, request, o.rowsPerSecond) : audit(request)
}

/** One tab at a time, as each goes on with what the last one left in the ledger. */
async function followAlone<Op extends Operation>(
  core: Core<Op>,
  request: AuditRequest,
  rowsPerSecond: number | undefined,
): Promise<AuditReport> {
  const { platform, signal } = core
  const turn = await platform.lock?.('graysync-audit', { signal: request.signal ?? signal })
  try {
    const ledger = openLedgersOf(core, request.left, request.right)
    return await follow({ ...request, ledger, ...(rowsPerSecond && { rowsPerSecond }) })
  } finally {
    turn?.release()
  }
}

export function openLedgersOf<Op extends Operation>(
  { stores }: Core<Op>,
  left: Source,
  right: Source,
): Ledgers {
  return openLedgers(stores.database, JSON.stringify([left.name, right.name]))
}

/** Tells the host which tables differ, and how. */
export function tellDivergences<Op extends Operation>(
  { emitter }: Core<Op>,
  { tables }: AuditReport,
): void {
  for (const { table, missing, extra, changed } of tables) {
    const counts = { missing, extra, changed }
    for (const kind of ['missing', 'extra', 'changed'] as const) {
      if (counts[kind] > 0) emitter.emit('divergenceFound', { table, kind, count: counts[kind] })
    }
  }
}

/** Rows with an operation on the way, by the op-log, by the engine's own queue, and by what a shadow is behind. */
async function readKeysInFlight<Op extends Operation>(
  core: Core<Op>,
  { running, behind }: Comparison,
): Promise<Set<string>> {
  const { control } = core.stores
  const logged = control ? (await readOpen(control)).map((row) => row.op) : []
  // A handover takes out of the queue that it leaves what was read last, whoever read it.
  const isLeft = control !== null && (await readControl(control)).owner !== running
  const exporter = running && !isLeft && core.options.engines?.[running]?.queue?.exporter
  const queued = exporter ? (await exporter.read()).map((pending) => pending.op) : []
  const operations = [...logged, ...queued, ...(behind?.() ?? [])]
  return new Set(operations.map((op) => nameRow(op.entity, op.entityId)))
}
