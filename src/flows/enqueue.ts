import { append, checkOperation, findByIds, readOpen, settle } from '../engine/oplog.js'
import { createSettlements } from '../engine/settlement.js'
import { mintId } from '../lib/id.js'
import type { Engine, LoggedOperation, Running } from '../model/engine.js'
import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type {
  Accepted,
  EngineName,
  Identified,
  Operation,
  Pending,
  Settled,
} from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection } from '../store/control.js'

const RETRY_FIRST_MS = 1_000
const RETRY_LAST_MS = 60_000

/** The engine that runs in this tab. */
export interface Host<Op extends Operation> {
  name: EngineName
  engine: Engine<Op>
  running: Running<Op>
}

export type Hint = { kind: 'accepted' } | { kind: 'settled'; opIds: string[] }

export interface OperationsOptions<Op extends Operation> {
  platform: Platform
  /** `null`: nothing is kept, operations go straight to the engine. */
  control: ControlConnection | null
  userId(): string | null
  adoptNullUser(op: Pending<Op>): boolean
  host(): Host<Op> | null
  /** Tells other tabs what they should look at. */
  tell(hint: Hint): void
  onChange(): void
  onSettled(settled: Settled): void
  onError(error: GraySyncError): void
}

export interface Operations<Op extends Operation> {
  enqueue(op: Op, applied: boolean): Promise<Accepted>
  /** Hands every open operation of the present user to the engine of this tab, in order. */
  pump(): Promise<void>
  ack(opId: string, by: EngineName): Promise<void>
  fail(opId: string, cause: unknown): Promise<void>
  /** Another tab settled these. */
  look(opIds: readonly string[]): Promise<void>
  close(): void
}

export function createOperations<Op extends Operation>(o: OperationsOptions<Op>): Operations<Op> {
  const { platform, control } = o
  const settlements = createSettlements(platform)
  /** What the running engine has already: it is handed nothing twice while it runs. */
  const handed = { to: null as Running<Op> | null, opIds: new Set<string>() }
  /** Accepted here since the last pass: while nothing else was missed, the op-log need not be read again. */
  const arrived: LoggedOperation[] = []
  let missed = true
  let turn: Promise<void> = Promise.resolve()
  let cancelRetry = () => {}
  let retryMs = RETRY_FIRST_MS

  const conclude = (settled: Settled) => {
    o.onSettled(settled)
    o.onChange()
  }

  const isDue = (row: LoggedOperation): boolean => {
    if (handed.opIds.has(row.opId)) return false
    const userId = o.userId()
    if (row.userId !== null || userId === null) return row.userId === userId
    return o.adoptNullUser({ opId: row.opId, op: row.op as Op, userId: null, state: 'open' })
  }

  const hand = async (log: ControlConnection, host: Host<Op>, row: LoggedOperation) => {
    const op = row.op as Identified<Op>
    handed.opIds.add(row.opId)
    if (host.engine.knows?.(op) === false) {
      const cause = `engine ${host.name} does not know ${op.entity}.${op.kind}`
      await settle(log, row.opId, { state: 'quarantine', cause })
      throw new GraySyncError('HALTED', cause)
    }
    try {
      await host.running.push?.(op)
    } catch (cause) {
      handed.opIds.delete(row.opId)
      throw cause
    }
    if (!row.applied) await settle(log, row.opId, { state: 'open', applied: true })
  }

  const retryLater = () => {
    cancelRetry()
    cancelRetry = platform.setTimer(() => void pump(), retryMs * (0.5 + platform.random() / 2))
    retryMs = Math.min(retryMs * 2, RETRY_LAST_MS)
  }

  /** Order counts within an entity: an operation that can't be taken holds back only those behind it. */
  const handAll = async (log: ControlConnection, host: Host<Op>, rows: LoggedOperation[]) => {
    const stuck = new Set<string>()
    for (const row of rows) {
      const subject = `${row.op.entity}/${row.op.entityId}`
      if (stuck.has(subject) || o.host() !== host) continue
      try {
        await hand(log, host, row)
      } catch (cause) {
        stuck.add(subject)
        o.onError(toPushError(host.name, row.opId, cause))
      }
    }
    return stuck.size === 0
  }

  const meet = async (host: Host<Op>) => {
    if (handed.to === host.running) return
    missed = true
    const queued = (await host.engine.queue?.exporter?.read()) ?? []
    handed.to = host.running
    handed.opIds = new Set(queued.map((pending) => pending.opId))
  }

  const pass = async () => {
    const host = o.host()
    if (!host?.running.push || !control) return
    await meet(host)
    const rows = await readDue(control)
    missed = !(await handAll(control, host, rows.filter(isDue))) || missed
    if (missed) retryLater()
    else retryMs = RETRY_FIRST_MS
    o.onChange()
  }

  const readDue = async (log: ControlConnection): Promise<LoggedOperation[]> => {
    const rows = arrived.splice(0)
    if (!missed) return rows
    missed = false
    return readOpen(log)
  }

  const go = (): Promise<void> => {
    turn = turn.then(pass).catch((cause) => {
      missed = true
      o.onError(toPushError('none', '-', cause))
    })
    return turn
  }

  const pump = (): Promise<void> => {
    missed = true
    return go()
  }

  const takeInMemory = async (op: Identified<Op>): Promise<Accepted> => {
    const host = o.host()
    if (!host?.running.push) throw refuse(host)
    const settled = settlements.wait(op.opId)
    try {
      await host.running.push(op)
    } catch (cause) {
      settlements.drop(op.opId)
      throw toPushError(host.name, op.opId, cause)
    }
    return { opId: op.opId, durable: false, settled }
  }

  return {
    async enqueue(given, applied) {
      checkOperation(given)
      const at = platform.now()
      const opId = given.opId ?? mintId(at, platform.randomBytes(16))
      const op = { ...given, opId }
      if (!control) return takeInMemory(op)
      const host = o.host()
      if (host && !host.running.push) throw refuse(host)
      const settled = settlements.wait(opId)
      const row = await append(control, { op, userId: o.userId(), at, applied }).catch((cause) => {
        settlements.drop(opId)
        throw cause
      })
      if (row.state === 'acked') settlements.acked(opId, row.by ?? 'legacy')
      o.onChange()
      if (o.host()) {
        arrived.push(row)
        void go()
      } else o.tell({ kind: 'accepted' })
      return { opId, durable: true, settled }
    },
    pump,
    async ack(opId, by) {
      const row = control && (await settle(control, opId, { state: 'acked', by }))
      if (row) o.tell({ kind: 'settled', opIds: [opId] })
      if (row || settlements.has(opId)) conclude(settlements.acked(opId, by))
    },
    async fail(opId, cause) {
      const text = cause instanceof Error ? cause.message : String(cause)
      const row = control && (await settle(control, opId, { state: 'dead', cause: text }))
      if (row?.state === 'acked') return
      if (row) o.tell({ kind: 'settled', opIds: [opId] })
      if (row || settlements.has(opId)) conclude(settlements.died(opId, cause))
    },
    async look(opIds) {
      if (!control) return
      const mine = opIds.filter((opId) => settlements.has(opId))
      for (const row of await findByIds(control, mine)) {
        if (row?.state === 'acked') settlements.acked(row.opId, row.by ?? 'legacy')
        if (row?.state === 'dead') settlements.died(row.opId, row.cause)
      }
      o.onChange()
    },
    close() {
      cancelRetry()
      settlements.deferAll()
    },
  }
}

function refuse<Op extends Operation>(host: Host<Op> | null): GraySyncError {
  const why = host
    ? `engine ${host.name} has no \`push\``
    : 'no engine runs and nothing can be stored'
  return new GraySyncError('NO_QUEUE', `nobody took the operation: ${why}`)
}

function toPushError(name: string, opId: string, cause: unknown): GraySyncError {
  if (isGraySyncError(cause)) return cause
  return new GraySyncError('ENGINE_START', `engine ${name} refused operation ${opId}`, { cause })
}
