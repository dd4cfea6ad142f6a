import { createDue } from '../engine/due.js'
import { createHanding, type Host, push, refuse, toPushError } from '../engine/handing.js'
import { append, findByIds } from '../engine/oplog.js'
import { createRecorder } from '../engine/recorder.js'
import { createSettlements } from '../engine/settlement.js'
import { mintId } from '../lib/id.js'
import type { LoggedOperation } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type {
  Accepted,
  EngineName,
  Identified,
  Operation,
  Pending,
  Settled,
} from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import { createTimers } from '../platform/timers.js'
import type { ControlConnection } from '../store/control.js'

const RETRY_FIRST_MS = 1_000
const RETRY_LAST_MS = 60_000
/** What the app captured goes first, and its own transaction may be long. */
const FORWARD_TRIES = 15
/** A hint can get lost, and some browsers have no channel: so often a tab looks by itself. */
const LOOK_EVERY_MS = 30_000

export type Hint = { kind: 'accepted' } | { kind: 'settled'; opIds: string[] }

export interface OperationsOptions<Op extends Operation> {
  platform: Platform
  /** `null`: nothing is kept, operations go straight to the engine. */
  control: ControlConnection | null
  userId(): string | null
  adoptNullUser(op: Pending<Op>): boolean
  host(): Host<Op> | null
  /** Moves what was captured beside its rows into the op-log, ahead of all that comes later; answers how many. */
  forward(tries?: number): Promise<number>
  /** Tells other tabs what they should look at. */
  tell(hint: Hint): void
  onHanded(op: Identified<Op>): void
  onChange(): void
  onSettled(settled: Settled): void
  onPushed(engine: EngineName, opId: string, error: GraySyncError | null): void
  onError(error: GraySyncError): void
}

export interface Operations<Op extends Operation> {
  enqueue(op: Op, applied: boolean, userId: string | null): Promise<Accepted>
  /** Operations were captured: takes them into the op-log, and on to the engine. */
  take(): Promise<void>
  /** Hands every open operation of the present user to the engine of this tab, in order. */
  pump(): Promise<void>
  /** The same, where nothing else happened than that another tab accepted some. */
  catchUp(): Promise<void>
  ack(opId: string, by: EngineName): Promise<void>
  fail(opId: string, cause: unknown): Promise<void>
  /** Another tab settled these. */
  look(opIds: readonly string[]): Promise<void>
  /** Resolves once what engines have said is written, or was tried for the last time. */
  close(): Promise<void>
}

export function createOperations<Op extends Operation>(o: OperationsOptions<Op>): Operations<Op> {
  const { platform, control } = o
  const settlements = createSettlements(platform)
  const handing =
    control &&
    createHanding({
      ...o,
      log: control,
      isDue: (row) => isDue(row),
      ack: (...end) => ack(...end),
    })
  const due = createDue(control, (open) => handing?.forgetEnded(open))
  /** What is being accepted. */
  const accepting = new Set<Promise<unknown>>()
  let isClosing = false
  const { after, end: endTimers } = createTimers(platform)
  let turn: Promise<void> = Promise.resolve()
  let waits = false
  let cancelRetry = () => {}
  let retryMs = RETRY_FIRST_MS

  const isDue = (row: LoggedOperation): boolean => {
    if (handing?.holds(row.opId)) return false
    const userId = o.userId()
    if (row.userId !== null || userId === null) return row.userId === userId
    return o.adoptNullUser({ opId: row.opId, op: row.op as Op, userId: null, state: 'open' })
  }

  const retryLater = () => {
    cancelRetry()
    cancelRetry = after(retryMs * (0.5 + platform.random() / 2), () => void pump())
    retryMs = Math.min(retryMs * 2, RETRY_LAST_MS)
  }

  const complain = (cause: unknown) => o.onError(toPushError('none', '-', cause))
  const recorder = createRecorder({ control, after, onTrouble: complain })

  const readDue = async () => {
    let rows = await due.read()
    // Another user may have come meanwhile, whose older operations go first.
    while (due.isMissing) rows = await due.read()
    return rows.filter(isDue)
  }

  const pass = async () => {
    const host = o.host()
    if (!host?.running.push) return
    if ((await o.forward().catch(complain)) !== 0) due.miss()
    if (!control || !handing) return
    if (await handing.meet(host)) due.miss()
    if (!(await handing.handAll(host, await readDue()))) due.miss()
    if (due.isMissing) retryLater()
    else retryMs = RETRY_FIRST_MS
    o.onChange()
  }

  /** One pass at a time, and at most one that waits: it will see all that came until it begins. */
  const go = (): Promise<void> => {
    if (waits) return turn
    waits = true
    turn = turn
      .then(() => {
        waits = false
        return pass()
      })
      .catch((cause) => {
        due.miss()
        complain(cause)
        retryLater()
      })
    return turn
  }

  const pump = (): Promise<void> => {
    due.miss()
    return go()
  }

  const look = async (opIds: readonly string[]): Promise<void> => {
    const mine = opIds.filter((opId) => settlements.has(opId))
    if (control && mine.length > 0) (await findByIds(control, mine)).forEach(showEnd)
    o.onChange()
  }

  const showEnd = (row: LoggedOperation | undefined) => {
    if (row?.state === 'acked') settlements.acked(row.opId, row.by ?? 'legacy', row.acceptedAt)
    if (row?.state === 'dead') settlements.died(row.opId, row.cause)
  }

  const watch = () => {
    after(LOOK_EVERY_MS, () => {
      watch()
      if (o.host()) void pump()
      look(settlements.opIds()).catch(complain)
    })
  }

  watch()

  const conclude = (opId: string, settled: Settled) => {
    if (control) o.tell({ kind: 'settled', opIds: [opId] })
    o.onSettled(settled)
    o.onChange()
  }

  const ack = async (opId: string, by: EngineName) => {
    const written = await recorder.record(opId, { state: 'acked', by })
    if (written ? written.changed : settlements.has(opId)) {
      conclude(opId, settlements.acked(opId, by, written?.row.acceptedAt))
    } else showEnd(written?.row)
  }

  const takeInMemory = async (op: Identified<Op>): Promise<Accepted> => {
    const host = o.host()
    if (!host?.running.push) throw refuse(host)
    const { settled, drop } = settlements.wait(op.opId)
    await push(platform, host, op, false).catch((cause) => {
      drop()
      throw toPushError(host.name, op.opId, cause)
    })
    return { opId: op.opId, durable: false, settled }
  }

  const accept: Operations<Op>['enqueue'] = async (given, applied, userId) => {
    const at = platform.now()
    const opId = given.opId ?? mintId(at, platform.randomBytes(16))
    const op = { ...given, opId }
    if (!control) return takeInMemory(op)
    const host = o.host()
    if (host && !host.running.push) throw refuse(host)
    if ((await o.forward(FORWARD_TRIES)) > 0) due.miss()
    const { settled, drop } = settlements.wait(opId)
    const { row, term } = await append(control, { op, userId, at, applied }).catch((cause) => {
      drop()
      throw cause
    })
    showEnd(row)
    o.onChange()
    if (!o.host()) o.tell({ kind: 'accepted' })
    else if (row.state === 'open') {
      due.note(row, term)
      void go()
    }
    return { opId, durable: true, settled }
  }

  return {
    enqueue(...given) {
      if (isClosing) return Promise.reject(new GraySyncError('CLOSED', 'this handle is closed'))
      const acceptance = accept(...given)
      const end = () => accepting.delete(acceptance)
      accepting.add(acceptance)
      acceptance.then(end, end)
      return acceptance
    },
    async take() {
      if ((await o.forward().catch(complain)) === 0) return
      o.onChange()
      if (o.host()) await pump().catch(complain)
      else o.tell({ kind: 'accepted' })
    },
    pump,
    catchUp() {
      due.grow()
      return go()
    },
    ack,
    async fail(opId, cause) {
      const text = cause instanceof Error ? cause.message : String(cause)
      const written = await recorder.record(opId, { state: 'dead', cause: text })
      if (written ? written.changed : settlements.has(opId)) {
        const settled = settlements.died(opId, cause)
        o.onError(settled.error)
        conclude(opId, settled)
      } else showEnd(written?.row)
    },
    look,
    async close() {
      isClosing = true
      endTimers()
      settlements.deferAll()
      // A commit whose answer was lost is asked about anew: what is refused must not be in the op-log.
      const accepted = Promise.allSettled(accepting).then(settlements.deferAll)
      await Promise.all([accepted, recorder.close()])
    },
  }
}
