import type { Control, LoggedOperation } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { EngineName, Identified, Operation, Pending } from '../model/operation.js'
import type { Captured } from '../model/writes.js'
import type { ControlConnection } from '../store/control.js'

export interface Acceptance {
  op: Identified<Operation>
  userId: string | null
  at: number
  applied: boolean
}

/** Appends an operation under the present owner, and says the term; an id that is there already is the same operation. */
export function append(
  connection: ControlConnection,
  o: Acceptance,
): Promise<{ row: LoggedOperation; term: number }> {
  return connection.run(async (db) => {
    const tx = db.transaction(['control', 'oplog'], 'readwrite', { durability: 'relaxed' })
    const oplog = tx.objectStore('oplog')
    const control = (await tx.objectStore('control').get('control')) as Control | undefined
    const term = control?.term ?? 0
    const known = await oplog.index('opId').get(o.op.opId)
    if (known) return { row: known, term }
    const owner = control ? control.owner : 'legacy'
    // Inside the fence: the store of the next owner may not have it.
    const applied = o.applied && owner !== null
    const row = toRow({ ...o, applied }, control?.flip ?? 1, owner, false)
    const seq = await oplog.add(row as LoggedOperation)
    tx.commit()
    // Only now it is accepted: a full disk shows at commit, after every request succeeded.
    await tx.done
    return { row: { ...row, seq }, term }
  })
}

export function toRow(
  o: Acceptance,
  flip: number,
  assigned: EngineName | null,
  adopted: boolean,
): Omit<LoggedOperation, 'seq'> {
  return {
    opId: o.op.opId,
    userId: o.userId,
    op: o.op,
    flip,
    assigned,
    applied: o.applied,
    state: 'open',
    acceptedAt: o.at,
    adopted,
  }
}

/**
 * Takes captured operations into the op-log, in their order. The row of one that was captured under an older flip lies
 * in the store of an engine that no longer owns the profile, unless both engines share it (`store` is null). Under flip 0,
 * in a database that was never raised, it is of before the first handover.
 */
export function appendCaptured(
  connection: ControlConnection,
  captured: readonly Captured[],
  store: EngineName | null,
): Promise<void> {
  return connection.run(async (db) => {
    const tx = db.transaction(['control', 'oplog'], 'readwrite', { durability: 'relaxed' })
    const oplog = tx.objectStore('oplog')
    const control = (await tx.objectStore('control').get('control')) as Control | undefined
    const { flip, owner } = control ?? { flip: 1, owner: 'legacy' as const }
    for (const one of captured) {
      if (await oplog.index('opId').getKey(one.opId)) continue
      const applied = store === null || ((one.flip || 1) === flip && store === owner)
      const op = { ...one.op, opId: one.opId }
      const row = toRow({ op, userId: one.userId, at: one.at, applied }, one.flip, owner, false)
      await oplog.add(row as LoggedOperation)
    }
    await tx.done
  })
}

/** Every operation without an end, in order of acceptance: also one in quarantine, since another engine may know it. */
export function readOpen(connection: ControlConnection): Promise<LoggedOperation[]> {
  return connection.run(async (db) => {
    const index = db.transaction('oplog').store.index('state')
    const rows = await Promise.all([readState(index, 'open'), readState(index, 'quarantine')])
    return rows.flat().sort((a, b) => a.seq - b.seq)
  })
}

/** Number of the newest operation; 0 where there is none. */
export function readNewest(connection: ControlConnection): Promise<number> {
  return connection.run(async (db) => {
    const cursor = await db.transaction('oplog').store.openKeyCursor(null, 'prev')
    return cursor?.key ?? 0
  })
}

/** Operations without an end that came after this one, in order, and the number of the newest of all. */
export function readOpenAfter(
  connection: ControlConnection,
  seq: number,
): Promise<{ rows: LoggedOperation[]; newest: number }> {
  return connection.run(async (db) => {
    const rows: LoggedOperation[] = []
    let newest = seq
    const later = db.transaction('oplog').store.iterate(IDBKeyRange.lowerBound(seq, true))
    for await (const { value } of later) {
      newest = value.seq
      if (isOpen(value)) rows.push(value)
    }
    return { rows, newest }
  })
}

/** Rows in order of acceptance, read one by one: the page of the app answers in between, however many there are. */
export async function readState(
  index: { iterate(state: string): AsyncIterable<{ value: LoggedOperation }> },
  state: LoggedOperation['state'],
): Promise<LoggedOperation[]> {
  const rows: LoggedOperation[] = []
  for await (const { value } of index.iterate(state)) rows.push(value)
  return rows
}

export function countOpen(
  connection: ControlConnection,
): Promise<{ count: number; oldestAt?: number }> {
  return connection.run(async (db) => {
    const index = db.transaction('oplog').store.index('state')
    const states = ['open', 'quarantine']
    const counts = await Promise.all(states.map((state) => index.count(state)))
    const oldest = await Promise.all(states.map((state) => index.get(state)))
    const count = counts.reduce((sum, one) => sum + one)
    const since = oldest.flatMap((row) => row?.acceptedAt ?? [])
    return since.length === 0 ? { count } : { count, oldestAt: Math.min(...since) }
  })
}

/** Whether an engine has anything to do. */
export function hasOpen(connection: ControlConnection): Promise<boolean> {
  return connection.run(async (db) => {
    const key = await db.transaction('oplog').store.index('state').getKey('open')
    return key !== undefined
  })
}

export type End =
  | { state: 'acked'; by: EngineName }
  | { state: 'dead' | 'quarantine'; cause: string }
  | { state: LoggedOperation['state']; applied: boolean }

export interface Settlement {
  /** As it is now. */
  row: LoggedOperation
  /** `false` when it had this end before, or one that can't be taken back. */
  changed: boolean
}

/** Writes what became of an operation; an acknowledgement is never taken back. `null` where the id is not known. */
export function settle(
  connection: ControlConnection,
  opId: string,
  end: End,
): Promise<Settlement | null> {
  return connection.run(async (db) => {
    const tx = db.transaction('oplog', 'readwrite', { durability: 'relaxed' })
    const row = await tx.store.index('opId').get(opId)
    if (!row) return null
    if (!canEnd(row, end)) return { row, changed: false }
    const settled: LoggedOperation = { ...row, ...end }
    await tx.store.put(settled)
    await tx.done
    return { row: settled, changed: true }
  })
}

function canEnd(row: LoggedOperation, end: End): boolean {
  if (end.state === 'acked') return row.state !== 'acked'
  return isOpen(row)
}

function isOpen({ state }: LoggedOperation): boolean {
  return state === 'open' || state === 'quarantine'
}

export function findByIds(
  connection: ControlConnection,
  opIds: readonly string[],
): Promise<(LoggedOperation | undefined)[]> {
  return connection.run((db) => {
    const index = db.transaction('oplog').store.index('opId')
    return Promise.all(opIds.map((opId) => index.get(opId)))
  })
}

/** What the order of operations is kept within, whatever stands in the names; an engine's queue may hold one without any. */
export function toSubject({ entity, entityId }: Pick<Operation, 'entity' | 'entityId'>): string {
  return JSON.stringify([entity, entityId])
}

export function toPending<Op extends Operation>(row: LoggedOperation): Pending<Op> {
  return { opId: row.opId, op: row.op as Op, userId: row.userId, state: 'open' }
}

/** A copy of an operation as the op-log will hold it. Throws OPTION, naming the field, where it can hold none. */
export function copyOperation<Op extends Operation>(op: Op): Op {
  checkOperation(op)
  try {
    return structuredClone(op)
  } catch (cause) {
    throw new GraySyncError('OPTION', 'operation: it can’t be stored, as it holds code', { cause })
  }
}

function checkOperation(op: unknown): asserts op is Operation {
  const given = op as Partial<Record<keyof Operation, unknown>> | null
  if (typeof given !== 'object' || given === null) {
    throw new GraySyncError('OPTION', `operation: an object is needed, got ${String(op)}`)
  }
  for (const field of ['entity', 'entityId', 'kind'] as const) {
    if (typeof given[field] !== 'string' || given[field] === '') {
      throw new GraySyncError(
        'OPTION',
        `operation.${field}: a text is needed, got ${String(given[field])}`,
      )
    }
  }
  if (given.opId !== undefined && (typeof given.opId !== 'string' || given.opId === '')) {
    throw new GraySyncError('OPTION', `operation.opId: a text is needed, got ${String(given.opId)}`)
  }
}
