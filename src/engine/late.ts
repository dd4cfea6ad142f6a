import type { Control, LoggedOperation } from '../model/engine.js'
import type { EngineName, Operation, Pending } from '../model/operation.js'
import type { ControlConnection } from '../store/control.js'
import { stepControl } from './control.js'
import { findByIds } from './oplog.js'

export interface Late {
  /** Epoch ms. */
  at: number
  /** The engine that does not own the profile. */
  from: EngineName
  pending: readonly Pending<Operation>[]
}

/**
 * Takes into the op-log what a stale build put into the queue of an engine that no longer owns the profile, with a journal
 * entry in the same transaction: the owner is handed it like any other operation. Answers how many were new.
 */
export async function takeLate(connection: ControlConnection, o: Late): Promise<number> {
  const known = await findByIds(
    connection,
    o.pending.map(({ opId }) => opId),
  )
  const fresh = o.pending.filter((_, index) => !known[index])
  if (fresh.length === 0) return 0
  const step = { at: o.at, kind: 'late', detail: { from: o.from, operations: fresh.length } }
  const isSealed = (control: Control) => control.owner !== null && control.owner !== o.from
  const taken = await stepControl(
    connection,
    step,
    (control) => (isSealed(control) ? control : null),
    async (tx, control) => {
      const oplog = tx.objectStore('oplog')
      for (const { opId, op, userId } of fresh) {
        if (await oplog.index('opId').getKey(opId)) continue
        const row: Omit<LoggedOperation, 'seq'> = {
          opId,
          userId,
          op: { ...op, opId },
          flip: control.flip,
          assigned: control.owner,
          applied: false,
          state: 'open',
          acceptedAt: o.at,
          adopted: true,
        }
        await oplog.add(row as LoggedOperation)
      }
    },
  )
  return taken ? fresh.length : 0
}
