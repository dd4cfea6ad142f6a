import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import type { AuditOptions, AuditReport, Divergence } from '../model/source.js'
import { compareLive } from './compare.js'
import type { Opened } from './open.js'

/** Holds the owner's rows against another source, and tells what differs. */
export async function inspect<Op extends Operation>(
  { core, voice }: Opened<Op>,
  o: AuditOptions,
): Promise<AuditReport> {
  const { running } = core.state.get()
  const left = running ? core.options.engines?.[running]?.data : undefined
  if (!left) throw new GraySyncError('AUDIT', 'the engine that owns this profile gives no `data`')
  const { against, ...rest } = o
  if (!against || against === 'other') {
    throw new GraySyncError(
      'AUDIT',
      'against: a source is needed; the other engine’s store is sealed and holds the past',
    )
  }
  const report = await compareLive(core, { ...rest, left, right: against, running })
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
