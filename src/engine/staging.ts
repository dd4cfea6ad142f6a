import type { Engine } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation, Pending } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection } from '../store/control.js'
import type { Coordinator } from './coordinator.js'
import { gather } from './gather.js'
import { toSubject } from './oplog.js'

export interface StagingOptions<Op extends Operation> {
  id: string
  target: Engine<Op>
  userId: string | null
  adoptNullUser(op: Pending<Op>): boolean
}

/** Puts the operations of the present user where the new engine will find them, and answers their ids. */
export async function stage<Op extends Operation>(
  o: StagingOptions<Op>,
  pending: readonly Pending<Op>[],
): Promise<string[]> {
  const importer = o.target.queue?.importer
  if (!importer) return []
  const unknown = new Set<string>()
  const mine = pending.filter((one) => {
    if (one.userId !== o.userId && !(one.userId === null && o.adoptNullUser(one))) return false
    if (!isKnown(o.target, one.op)) unknown.add(toSubject(one.op))
    return !unknown.has(toSubject(one.op))
  })
  const ids = await importer.stage(mine, o.id)
  if (mine.length !== ids.length || mine.some((op, index) => op.opId !== ids[index])) {
    throw new GraySyncError(
      'HANDOVER_VERIFY',
      `${mine.length} operations were staged, ${ids.length} came back or in another order`,
    )
  }
  return [...ids]
}

/** Where an engine throws, the operation waits in the op-log, and it is asked again. */
function isKnown<Op extends Operation>(engine: Engine<Op>, op: Op): boolean {
  try {
    return engine.knows?.(op) !== false
  } catch {
    return false
  }
}

/** What was staged may have been acknowledged, and newer operations sent, since: only what is still open goes on. */
export async function restage<Op extends Operation>(
  o: StagingOptions<Op> & {
    platform: Platform
    control: ControlConnection
    coordinator: Pick<Coordinator, 'check' | 'isMine'>
  },
): Promise<void> {
  const { isMine, check } = o.coordinator
  const { movable } = await gather<Op>(o.control, [], { at: o.platform.now(), isMine })
  await check()
  await stage(o, movable)
}

/** What was activated and is not in the queue of an engine that has not started. */
export async function findLost<Op extends Operation>(
  { target }: Pick<StagingOptions<Op>, 'target'>,
  activated: readonly string[],
): Promise<string[]> {
  const { exporter } = target.queue ?? {}
  if (!exporter || activated.length === 0) return []
  const held = new Set((await exporter.read()).map(({ opId }) => opId))
  return activated.filter((opId) => !held.has(opId))
}

/** Throws HANDOVER_VERIFY where something is lost. */
export function insistOnNone(lost: readonly string[], activated: readonly string[]): void {
  if (lost.length === 0) return
  throw new GraySyncError(
    'HANDOVER_VERIFY',
    `${lost.length} of ${activated.length} operations are not in the queue that took them`,
  )
}
