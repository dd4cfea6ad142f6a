import type { Engine, LoggedOperation, Running } from '../model/engine.js'
import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type { EngineName, Identified, Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Captured } from '../model/writes.js'
import { withinTime } from '../platform/bound.js'
import type { ControlConnection } from '../store/control.js'
import { appendCaptured, readNewest, settle, toSubject } from './oplog.js'
import { findApplied } from './probe.js'

const PUSH_TIMEOUT_MS = 15_000
/** After so long the page may have stood still, and another tab may lead. */
const SURE_MS = 500
const MOST_LOOKS = 5

/** The engine that runs in this tab. */
export interface Host<Op extends Operation> {
  name: EngineName
  engine: Engine<Op>
  running: Running<Op>
  /** Whether the term under which it was started still counts; where not, it is stopped. */
  leads(): Promise<boolean>
}

/** What the running engine was handed: nothing goes to it twice while it runs. */
export interface Handing<Op extends Operation> {
  /** Learns what an engine holds already; `true` at the first meeting. */
  meet(host: Host<Op>): Promise<boolean>
  holds(opId: string): boolean
  /** Of what was handed over, all but these has ended: what the engine brought along is known as long as it runs. */
  forgetEnded(open: readonly LoggedOperation[]): void
  /** Hands rows over in their order; `false` when some are to be tried again. */
  handAll(host: Host<Op>, rows: readonly LoggedOperation[]): Promise<boolean>
}

export interface HandingOptions<Op extends Operation> {
  platform: Platform
  log: ControlConnection
  userId(): string | null
  host(): Host<Op> | null
  /** It is the present user's, and waits. */
  isDue(row: LoggedOperation): boolean
  /** An engine was handed an operation, or holds it already: `error` where it did not take it, or could not say. */
  onPushed(engine: EngineName, opId: string, error: GraySyncError | null): void
  onHanded(op: Identified<Op>): void
  /** The server has it. */
  ack(opId: string, by: EngineName): Promise<void>
  onError(error: GraySyncError): void
}

export function createHanding<Op extends Operation>(o: HandingOptions<Op>): Handing<Op> {
  /** An engine may answer the same each time that it starts. */
  let met: Host<Op> | null = null
  let handed = new Set<string>()
  /** What it held at the meeting. */
  let own = new Set<string>()
  /** Things with an operation that this engine does not know, by user: what comes after it waits as well. */
  let held = new Set<string>()
  /** Things that were given an effect late, perhaps over later ones: those are given theirs once more. */
  let redone = new Set<string>()
  /** Things that the engine hung on: the others go first. */
  let hung = new Set<string>()
  /** Number of the newest operation at the meeting: another engine, which died, may have been handed what is not newer. */
  let newest = 0
  /** What became of these was asked. */
  let asked = new Set<string>()
  /** When it was certain that this tab leads. */
  let sureAt = Number.NEGATIVE_INFINITY

  /** Asked again where the answer took so long that the page may have stood still meanwhile. */
  const leads = async (host: Host<Op>): Promise<boolean> => {
    const isSure = () => o.platform.monotonic() - sureAt < SURE_MS
    for (let look = 0; look < MOST_LOOKS && !isSure(); look++) {
      const askedAt = o.platform.monotonic()
      if (!(await host.leads())) return false
      sureAt = askedAt
    }
    return isSure() && o.host() === host
  }

  const toHeld = (row: LoggedOperation) => `${o.userId()}\n${toSubject(row.op)}`

  /** The user may change while the one before is taken. */
  const mayGo = (row: LoggedOperation) => !held.has(toHeld(row)) && o.isDue(row)

  /** What another engine was handed before it died may have reached the server: it is asked once, when it is due. */
  const settleSent = async (host: Host<Op>, rows: readonly LoggedOperation[]) => {
    const older = rows.filter(({ seq, opId }) => seq <= newest && !asked.has(opId))
    for (const { opId } of older) asked.add(opId)
    const applied = new Set(await findApplied(o.platform, host.running, older))
    for (const { opId } of applied) {
      handed.add(opId)
      // Not waited for: on a full disk it takes as long as there is no room.
      o.ack(opId, host.name).catch(() => undefined)
    }
    return rows.filter((row) => !applied.has(row))
  }

  /** Noted before any effect is given late: this page may die between that and the next. Answers where that failed. */
  const noteRedone = async (host: Host<Op>, rows: readonly LoggedOperation[]) => {
    const failed = new Set<string>()
    const late = new Set(redone)
    for (const { op, opId, applied, state } of rows) {
      const subject = toSubject(op)
      if (!applied) late.add(subject)
      else if (late.has(subject) && (await leads(host))) {
        await settle(o.log, opId, { state, applied: false }).catch(() => failed.add(subject))
      }
    }
    return failed
  }

  const quarantine = async (host: Host<Op>, row: LoggedOperation) => {
    held.add(toHeld(row))
    if (row.state === 'quarantine') return
    const cause = `engine ${host.name} does not know ${row.op.entity}.${row.op.kind}`
    await settle(o.log, row.opId, { state: 'quarantine', cause })
    o.onError(new GraySyncError('HALTED', cause))
  }

  const hand = async (host: Host<Op>, row: LoggedOperation): Promise<void> => {
    const op = row.op as Identified<Op>
    if (host.engine.knows?.(op) === false) return quarantine(host, row)
    if (!row.applied) redone.add(toSubject(op))
    const applied = row.applied && !redone.has(toSubject(op))
    await push(o.platform, host, op, applied).catch((cause) => {
      const error = toPushError(host.name, row.opId, cause)
      // One that was stopped meanwhile is to blame for nothing.
      if (o.host() === host) o.onPushed(host.name, row.opId, error)
      throw error
    })
    // Answered too late: the profile may have another owner, whose store lacks it.
    if (o.host() !== host) return
    o.onPushed(host.name, row.opId, null)
    handed.add(row.opId)
    o.onHanded(op)
    if (!applied || row.state === 'quarantine') {
      await settle(o.log, row.opId, { state: 'open', applied: true })
    }
  }

  /** One that can't say what it holds is handed all of it once more, as one that never says: `push` bears that. */
  const readQueue = async (host: Host<Op>) => {
    try {
      return (await host.engine.queue?.exporter?.read()) ?? []
    } catch (cause) {
      const error = toPushError(host.name, 'to read its queue', cause)
      if (o.host() === host) o.onPushed(host.name, '', error)
      o.onError(error)
      return []
    }
  }

  return {
    async meet(host) {
      if (met === host) return false
      const queued = await readQueue(host)
      newest = await readNewest(o.log)
      met = host
      own = new Set(queued.map((pending) => pending.opId))
      handed = new Set()
      held = new Set()
      redone = new Set()
      hung = new Set()
      sureAt = Number.NEGATIVE_INFINITY
      for (const opId of own) o.onPushed(host.name, opId, null)
      asked = new Set()
      return true
    },
    holds: (opId) => own.has(opId) || handed.has(opId),
    forgetEnded(open) {
      handed = new Set(open.flatMap(({ opId }) => (handed.has(opId) ? opId : [])))
      // What one of these holds back shows anew.
      held = new Set()
    },
    // Order counts within one thing: an operation that can't be taken holds back only those behind it.
    async handAll(host, rows) {
      const isHung = (row: LoggedOperation) => Number(hung.has(toSubject(row.op)))
      const inTurn = [...(await settleSent(host, rows))].sort((a, b) => isHung(a) - isHung(b))
      const stuck = await noteRedone(host, inTurn)
      for (const row of inTurn) {
        const subject = toSubject(row.op)
        if (!(await leads(host))) return false
        if (stuck.has(subject) || !mayGo(row)) continue
        const error = await hand(host, row).catch((cause) =>
          toPushError(host.name, row.opId, cause),
        )
        if (!error) continue
        stuck.add(subject)
        o.onError(error)
        if (error.code !== 'ENGINE_TIMEOUT') continue
        // It would hold up every row behind it for as long again.
        hung.add(subject)
        break
      }
      return stuck.size === 0
    },
  }
}

/** Hands one operation to an engine within a bound. */
export async function push<Op extends Operation>(
  platform: Platform,
  host: Host<Op>,
  op: Identified<Op>,
  applied: boolean,
): Promise<void> {
  const late = () =>
    new GraySyncError('ENGINE_TIMEOUT', `engine ${host.name} did not take ${op.opId} in time`)
  const pushing = Promise.resolve().then(() =>
    host.running.push?.(structuredClone(op), { applied }),
  )
  await withinTime(platform, PUSH_TIMEOUT_MS, pushing, late)
}

export function toPushError(name: string, what: string, cause: unknown): GraySyncError {
  if (isGraySyncError(cause)) return cause
  return new GraySyncError('ENGINE_START', `engine ${name} refused ${what}`, { cause })
}

/** Nobody takes an operation here. */
export function refuse<Op extends Operation>(host: Host<Op> | null): GraySyncError {
  const why = host
    ? `engine ${host.name} has no \`push\``
    : 'no engine runs and nothing can be stored'
  return new GraySyncError('NO_QUEUE', `nobody took the operation: ${why}`)
}

/** Takes captured operations into the op-log; where there is none hands them over, up to the first that is not taken. */
export async function takeCaptured<Op extends Operation>(
  o: { platform: Platform; log: ControlConnection | null; host: Host<Op> | null },
  captured: readonly Captured[],
  store: EngineName | null,
): Promise<void> {
  if (o.log) return appendCaptured(o.log, captured, store)
  if (!o.host?.running.push) throw refuse(o.host)
  const applied = store === null || store === o.host.name
  for (const { op, opId } of captured) {
    await push(o.platform, o.host, { ...(op as Op), opId }, applied)
  }
}
