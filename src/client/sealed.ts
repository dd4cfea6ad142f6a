import { readControl } from '../engine/control.js'
import { sweepLate } from '../engine/late.js'
import { forgetAcked } from '../engine/retention.js'
import type { Operations } from '../flows/enqueue.js'
import type { Operation } from '../model/operation.js'
import type { Core } from './core.js'
import { later } from './later.js'

const EVERY_MS = 300_000
/** How long an acknowledged operation is remembered, so that its id is known when it comes again. */
const ACKED_KEPT_MS = 30 * 86_400_000

/**
 * Looks at the queue of the engine that was left, now and every 5 minutes while this tab leads: a build from before the
 * handover that is still open somewhere goes on writing there.
 */
export function tendSealed<Op extends Operation>(
  core: Core<Op>,
  operations: Operations<Op>,
  isMine: () => boolean,
): void {
  const look = async () => {
    if (!isMine()) return
    await sweep(core, operations).then(forget, core.report)
    if (isMine()) later(core, EVERY_MS, () => void look())
  }
  let isDone = false
  /** What that queue may hold, and was acknowledged long ago, is known there by its id. */
  const forget = async (since: number) => {
    const { control } = core.stores
    if (!control || isDone) return
    isDone = true
    await forgetAcked(control, core.platform.now() - ACKED_KEPT_MS, since).catch(core.report)
  }
  void look()
}

/** Answers from which ownership generation on that queue holds nothing of the op-log: from the first on, once it was read. */
async function sweep<Op extends Operation>(
  core: Core<Op>,
  operations: Operations<Op>,
): Promise<number> {
  const { control: connection } = core.stores
  if (!connection) return 0
  const { flip, owner, handover, switched } = await readControl(connection)
  if (!switched) return 0
  const from = owner === 'legacy' ? 'refactored' : 'legacy'
  const engine = core.options.engines?.[from]
  // This build can't read it; a later one may.
  if (!owner || handover || !engine?.queue?.exporter) return flip
  const taken = await sweepLate({
    platform: core.platform,
    control: connection,
    engine,
    from,
    isSealed: (now) => now.flip === flip,
  })
  if (taken > 0) await operations.pump()
  return 0
}
