import type { Control } from '../model/engine.js'
import type { Operation, Pending } from '../model/operation.js'
import type { ControlConnection } from '../store/control.js'
import { adopt } from './adoption.js'
import { readControl } from './control.js'
import { readOpen, toPending, toSubject } from './oplog.js'

export interface Gathered<Op> {
  /** Everything that no server has acknowledged. */
  open: Pending<Op>[]
  /** What the next engine is to find in its queue: the rest is handed to it from the op-log, behind these. */
  movable: Pending<Op>[]
}

/** Brings together what an engine's queue holds and what the op-log holds beside it. */
export async function gather<Op extends Operation>(
  control: ControlConnection,
  queued: readonly Pending<Op>[],
  o: { at: number; isMine(control: Control): boolean },
): Promise<Gathered<Op>> {
  await adopt(control, queued, o)
  const states = new Map(queued.map((pending) => [pending.opId, pending.state]))
  const waiting = new Set<string>()
  const open: Pending<Op>[] = []
  const movable: Pending<Op>[] = []
  for (const row of await readOpen(control)) {
    const pending = { ...toPending<Op>(row), state: states.get(row.opId) ?? 'open' }
    open.push(pending)
    const subject = toSubject(row.op)
    if (!row.applied && !states.has(row.opId)) waiting.add(subject)
    if (!waiting.has(subject)) movable.push(pending)
  }
  return { open, movable }
}

/** Things that the user wrote to since the fence: the next owner is handed each write, whatever its store holds now. */
export async function readCarried(connection: ControlConnection): Promise<Set<string>> {
  const { flip } = await readControl(connection)
  const carried = (await readOpen(connection)).filter((row) => !row.applied && row.flip >= flip)
  return new Set(carried.map((row) => toSubject(row.op)))
}
