import { mintId } from '../lib/id.js'
import type { Control, Engine, LoggedOperation } from '../model/engine.js'
import type { EngineName, Operation, Pending } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection } from '../store/control.js'
import { readFresh, stepControl } from './control.js'
import { findByIds } from './oplog.js'

export interface Late {
  /** Epoch ms. */
  at: number
  /** The engine that does not own the profile. */
  from: EngineName
  pending: readonly Pending<Operation>[]
}

export interface Sweep<Op extends Operation> {
  platform: Platform
  control: ControlConnection
  /** Not the owner's. */
  engine: Engine<Op> | undefined
  from: EngineName
  /** Whether it is not the owner's still: a page that stood still may empty the queue of an owner otherwise. */
  isSealed(control: Control): boolean
}

/**
 * Empties the queue of an engine that does not own the profile: a stale build, or a page that stood still in the middle
 * of a push, may have written there. Answers how many operations were new.
 */
export async function sweepLate<Op extends Operation>(o: Sweep<Op>): Promise<number> {
  const { platform, control, from } = o
  const exporter = o.engine?.queue?.exporter
  const pending = (await exporter?.read()) ?? []
  if (!exporter || pending.length === 0) return 0
  const at = platform.now()
  const taken = await takeLate(control, { at, from, pending })
  // Only what was handed out: what comes in between is found at the next look.
  if (o.isSealed(await readFresh(platform, control)))
    await exporter.seal(mintId(at, platform.randomBytes(16)))
  return taken
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
