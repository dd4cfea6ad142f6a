import { readOpen } from '../engine/oplog.js'
import { audit } from '../flows/audit.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import type { AuditOptions, AuditReport, Divergence, Source } from '../model/source.js'
import type { Opened } from './open.js'

/** Holds the owner's rows against another source, and tells what differs. */
export async function inspect<Op extends Operation>(
  { core, voice }: Opened<Op>,
  o: AuditOptions,
): Promise<AuditReport> {
  const { running } = core.state.get()
  const left = running ? core.options.engines?.[running]?.data : undefined
  if (!left) throw new GraySyncError('AUDIT', 'the engine that owns this profile gives no `data`')
  if (!o.against || o.against === 'other') {
    throw new GraySyncError(
      'AUDIT',
      'against: a source is needed; the other engine’s store is sealed and holds the past',
    )
  }
  const flying = new Set<string>()
  const note = async () => {
    for (const key of await readKeysInFlight(core, running)) flying.add(key)
  }
  await note()
  const report = await audit({
    platform: core.platform,
    left: noteAfter(left, note),
    right: noteAfter(o.against, note),
    rules: core.options.compare ?? { tables: {} },
    inFlight: (table, key) => flying.has(`${table}\n${String(key)}`),
    ...(o.tables && { tables: o.tables }),
    ...(o.onProgress && { onProgress: o.onProgress }),
    signal: o.signal ? AbortSignal.any([o.signal, core.signal]) : core.signal,
  })
  for (const { table, missing, extra, changed } of report.tables) {
    const counts = { missing, extra, changed }
    for (const kind of ['missing', 'extra', 'changed'] as const satisfies Divergence['kind'][]) {
      if (counts[kind] > 0)
        core.emitter.emit('divergenceFound', { table, kind, count: counts[kind] })
    }
  }
  voice.say({ about: 'audit', report })
  return report
}

/** Whatever was on its way while the audit ran is on its way for the audit. */
function noteAfter(source: Source, note: () => Promise<void>): Source {
  return {
    ...source,
    async page(table, after, limit) {
      const rows = await source.page(table, after, limit)
      await note()
      return rows
    },
    async get(table, keys) {
      const rows = await source.get(table, keys)
      await note()
      return rows
    },
  }
}

/** Rows with an operation on the way, by the op-log and by the engine's own queue. */
async function readKeysInFlight<Op extends Operation>(
  core: Opened<Op>['core'],
  running: 'legacy' | 'refactored' | null,
): Promise<Set<string>> {
  const { control } = core.stores
  const logged = control ? (await readOpen(control)).map((row) => row.op) : []
  const exporter = running && core.options.engines?.[running]?.queue?.exporter
  const queued = exporter ? (await exporter.read()).map((pending) => pending.op) : []
  return new Set([...logged, ...queued].map((op) => `${op.entity}\n${op.entityId}`))
}
