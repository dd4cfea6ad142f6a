import type { Shape } from '../lib/check.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import type { AuditOptions, AuditReport } from '../model/source.js'
import { type Comparison, compareLive, SHADOW_SETTLE_MS, tellDivergences } from './compare.js'
import type { Core } from './core.js'
import type { Opened } from './open.js'
import { insist } from './options.js'

const WORKER: Shape = {
  is: 'such',
  want: 'a worker or a port to one',
  that: (value) => typeof (value as Partial<MessagePort>).postMessage === 'function',
}

/** Holds the owner's rows against another source, and tells what differs. */
export async function inspect<Op extends Operation>(
  { core, voice, shadow }: Opened<Op>,
  o: AuditOptions & Pick<Comparison, 'rowsPerSecond'>,
): Promise<AuditReport> {
  const { running } = core.state.get()
  const left = running ? core.options.engines?.[running]?.data : undefined
  if (!left) throw new GraySyncError('AUDIT', 'the engine that owns this profile gives no `data`')
  const { against = 'other', ...rest } = o
  if (rest.worker) checkWorker(rest)
  const right = against === 'other' ? reachOther(core, shadow) : { right: against }
  const userId = core.userId()
  const report = await compareLive(core, { ...rest, ...right, left, running })
  if (core.userId() !== userId) {
    throw new GraySyncError(
      'AUDIT',
      'another user signed in, or this one out: what was read is void',
    )
  }
  tellDivergences(core, report)
  voice.say({ about: 'audit', report })
  return report
}

function checkWorker({ worker, incremental }: AuditOptions): void {
  insist(WORKER, worker, 'worker')
  if (!incremental) return
  throw new GraySyncError('OPTION', 'worker: an incremental audit runs in the page, got both')
}

/** The other engine's store holds the past, unless that engine runs in shadow; else the server's copy tells. */
function reachOther<Op extends Operation>(
  core: Core<Op>,
  { behind }: Opened<Op>['shadow'],
): Pick<Comparison, 'right' | 'settleMs' | 'behind'> {
  const { shadow } = core.state.get()
  const data = shadow?.state === 'running' && core.options.engines?.[shadow.engine]?.data
  if (data) return { right: data, settleMs: SHADOW_SETTLE_MS, behind }
  if (core.options.server) return { right: core.options.server }
  throw new GraySyncError(
    'AUDIT',
    'against: a source is needed, as no shadow runs here and `server` is not given; publish a rollout with a shadow share to get one',
  )
}
