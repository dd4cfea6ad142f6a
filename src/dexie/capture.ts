import type { DBCore, DBCoreTransaction } from 'dexie'
import { GraySyncError } from '../model/errors.js'
import type { Identified, Operation } from '../model/operation.js'
import type { Captured, WritePort } from '../model/writes.js'
import { writeBeside } from './beside.js'
import type { RowChange } from './change.js'
import { CAPTURED } from './stores.js'

/** Says which operation a write to a row is; `null` where it is none that a server has to hear of. */
export type ToOperation<Op extends Operation> = (change: RowChange) => Op | null

/** Puts the operations of these changes into the transaction of the changes. */
export function capture<Op extends Operation>(
  core: DBCore,
  port: WritePort,
  o: {
    trans: DBCoreTransaction
    changes: readonly RowChange[]
    toOperation: ToOperation<Op>
    userId: string | null
    flip: number
  },
): Promise<unknown> | null {
  const values = o.changes.flatMap((change): Omit<Captured, 'seq'>[] => {
    const op = o.toOperation(change)
    if (op === null) return []
    const opId = op.opId ?? port.mintId()
    const identified = { ...op, opId }
    insistOnOperation(identified)
    return [{ opId, op: identified, userId: o.userId, flip: o.flip, at: port.now() }]
  })
  if (values.length === 0) return null
  const trans = o.trans as unknown as IDBTransaction
  trans.addEventListener('complete', port.captured)
  // An id that is there already is the same operation: the add is refused, and the transaction goes on.
  return writeBeside(core, CAPTURED, { type: 'add', trans: o.trans, values })
}

function insistOnOperation(op: Identified<Operation>): void {
  for (const field of ['entity', 'entityId', 'kind', 'opId'] as const) {
    const got: unknown = op[field]
    if (typeof got === 'string' && got !== '') continue
    throw new GraySyncError(
      'OPTION',
      `captured operation.${field}: a text is needed, got ${String(got)}`,
    )
  }
}
