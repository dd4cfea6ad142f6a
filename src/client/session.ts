import { readControl } from '../engine/control.js'
import type { Host } from '../engine/handing.js'
import type { Operations } from '../flows/enqueue.js'
import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type { EngineName, Operation } from '../model/operation.js'
import { createAttendance } from './attendance.js'
import type { Blocked, Core } from './core.js'
import { type Booted, cross, raise } from './crossing.js'
import { createFollowing } from './following.js'
import { createHosting, type Grant } from './hosting.js'
import { untilLoaded } from './later.js'
import { createLease } from './lease.js'
import { createRefusal } from './refusal.js'
import { noteOwner, wasSwitched } from './stores.js'

/** What can't be loaded or reached now, for example offline, may be there later. */
const START_AGAIN_MS = 60_000

/** What this tab does: it leads, with the engine, or follows the tab that does. */
export interface Session<Op extends Operation> {
  begin(): Promise<void>
  host(): Host<Op> | null
  /** Another tab changed the control record, or the user's choice. */
  look(): Promise<void>
  /** Frozen: what it hears now it must not act on, since a write that it began would hold up every other tab. */
  isStill(): boolean
  /** Another tab asks whether this one, should it lead, does anything. */
  answer(): Promise<void>
  end(): Promise<void>
}

export function createSession<Op extends Operation>(
  core: Core<Op>,
  operations: Operations<Op>,
): Session<Op> {
  const { platform, state, signal } = core
  const hosting = createHosting(core, operations, (term) => {
    core.emitter.emit('fenced', { term })
    stepBack().catch(halt)
  })
  const lease = createLease(core, {
    // Gaining the lease is a boot: what is desired is read anew and handed over first.
    onGained: () => void lead(),
    onLost: () => void stepBack().catch(halt),
  })
  /** Before a flip: the next boot is to find as little as possible on the way. */
  const drain = () => void hosting.drain().catch(core.report)
  core.emitter.on('reloadWanted', drain, { signal })
  /** Rises with every lead and at its end: what was begun under a lower one goes no further. */
  let reign = 0
  let away = false
  let ended = false
  const attendance = createAttendance(platform, signal)
  const following = createFollowing(core, halt)
  const refusal = createRefusal(core, lease.isHeld)
  const { refuse, refuseBare, waitForUpdate, decideBare, whyBare, whyNoEngine } = refusal

  async function begin(): Promise<void> {
    if (ended) return
    const mine = reign
    attendance.show()
    if (core.stores.isNewer) return waitForUpdate()
    // What fails for a page that was left since is no failure of the one that is shown.
    await join(() => mine === reign).catch((cause) => mine === reign && halt(cause))
  }

  async function join(isMine: () => boolean): Promise<void> {
    if (!platform.lock || (await lease.take())) return lead()
    const { control: connection } = core.stores
    const control = isMine() && connection ? await readControl(connection) : null
    if (!isMine()) return
    if (control) {
      core.decided(core.decide(control.owner ?? control.handover?.from ?? 'legacy'))
      following.begin()
      following.show(control)
      void raise(core, control)
    } else refuseBare()
    standInLine()
  }

  function standInLine(): void {
    const mine = reign
    lease.await()
    const isWaiting = () => mine === reign && !signal.aborted
    // Without this code a tab is only as patient as the line.
    import('./patrol.js')
      .then(({ keepVigil }) => keepVigil(core, { isWaiting, steal: lease.steal }))
      .catch(() => undefined)
  }

  async function lead(): Promise<void> {
    if (ended) return lease.giveBack()
    const mine = ++reign
    const isMine = () => mine === reign && !signal.aborted
    following.end()
    try {
      const isFree = await hosting.isFree()
      if (!isMine()) return
      if (!isFree) return await stepBack()
      if (!core.stores.control) return await runBare(isMine)
      const booted = await cross(core, lease.isHeld(), isMine).catch(stay)
      if (isMine()) await run(booted, isMine)
    } catch (cause) {
      if (isMine()) halt(cause)
    }
  }

  /** Where nothing can be written nothing moves; but the owner's engine goes on. */
  async function stay(cause: unknown): Promise<Booted> {
    const { control: connection } = core.stores
    if (!connection || !isGraySyncError(cause) || !['QUOTA', 'STORE'].includes(cause.code)) {
      throw cause
    }
    const control = await readControl(connection)
    if (!control.owner) throw cause
    core.report(cause)
    core.decided(core.decide(control.owner))
    return { control, blocked: { by: cause.code, fix: cause.message } }
  }

  /** Nothing can be stored here: the engine that the profile has runs, and nothing ever moves. */
  async function runBare(isMine: () => boolean): Promise<void> {
    if (wasSwitched(platform)) return refuseBare()
    decideBare()
    await start('legacy', { flip: 0, term: 0 }, whyBare(), isMine)
    await operations.pump()
  }

  async function run(booted: Booted, isMine: () => boolean): Promise<void> {
    const { control, blocked } = booted
    noteOwner(platform, control)
    following.note(control.owner)
    if (!control.owner) throw new GraySyncError('HALTED', `stuck while ${control.phase}`)
    const hampered = await raise(core, control)
    if (isMine()) await start(control.owner, control, blocked ?? hampered, isMine)
    if (!isMine()) return
    core.tell({ kind: 'control' })
    await operations.pump()
    if (blocked?.by === 'QUEUE_NOT_EMPTY') drain()
    // A chunk that can't be loaded now is loaded at the next start.
    import('./patrol.js').then(({ tend }) => tend(core, operations, isMine)).catch(() => undefined)
  }

  async function start(
    name: EngineName,
    grant: Grant,
    blocked: Blocked | null,
    isMine: () => boolean,
  ): Promise<void> {
    const engine = core.options.engines?.[name]
    if (!engine) return refuse('ENGINE_LOAD', whyNoEngine(name))
    core.pristine = false
    try {
      if (!(await hosting.start(name, engine, grant, isMine))) return
      const why = blocked && { blocked }
      const decision = core.decision()
      state.show({ phase: 'running', decision, running: name, role: 'writer', ...why })
    } catch (cause) {
      if (!isMine()) return
      const { code } = core.report(cause)
      const fix = `engine ${name} did not start: reload when online, or ship a build that has it`
      refuse(code, fix)
      const again = async () => {
        if (!isMine() || (name === 'refactored' && core.breaker.isOpen())) return
        if (await hosting.isFree()) await start(name, grant, blocked, isMine).then(operations.pump)
      }
      platform.setTimer(() => void again(), START_AGAIN_MS)
    }
  }

  /** From the lead into the line; an engine that goes on by itself must not be started beside itself. */
  async function stepBack(): Promise<void> {
    const mine = ++reign
    const isStopped = await hosting.stop()
    if (mine !== reign) return
    lease.giveBack()
    if (!platform.lock || !isStopped) {
      return refuse('FENCED', 'another tab writes now: reload this one to take over')
    }
    following.begin()
    await following.look()
    if (mine === reign && !signal.aborted) standInLine()
  }

  /** A page that is kept to be shown again, or frozen, runs nothing, and must not hold what others wait for. */
  function leave(): void {
    const host = hosting.host()
    if (away || (host && !host.running.stop)) return
    away = true
    reign++
    following.end()
    attendance.hide()
    void hosting.stop({ atOnce: true })
    lease.giveBack()
    core.stores.control?.rest()
  }

  function comeBack(): void {
    if (!away) return void recheck().catch(core.report)
    away = false
    void begin()
  }

  /** A page whose engine could not be stopped may have lost the lease while it stood still: some browsers tell nobody. */
  async function recheck(): Promise<void> {
    const { control: connection } = core.stores
    const term = hosting.term()
    if (!connection || term === null || !lease.isHeld()) return
    const mine = reign
    const isOver = (await readControl(connection)).term > term
    const isKept = !isOver && ((await lease.isKept()) || mine !== reign || (await lease.take()))
    if (mine === reign && !isKept) await stepBack()
  }

  function halt(cause: unknown): void {
    reign++
    const error = core.report(cause)
    const letGo = hosting.stop().then(lease.giveBack)
    if (error.code === 'NEWER_STATE') return void letGo.then(waitForUpdate)
    state.show({ phase: 'halted', decision: core.decision(), running: null, error })
    if (!signal.aborted) core.emitter.emit('halted', error)
    if (error.code === 'STORE_BLOCKED') beginAgain(reign).catch(core.report)
  }

  /** What does not open as a page is shown again may do so later. */
  async function beginAgain(mine: number): Promise<void> {
    await (await untilLoaded(core, () => import('./patrol.js'))).untilReadable(platform, signal)
    if (mine === reign) await begin()
  }

  return {
    async begin() {
      platform.onLife((life) => {
        if (life === 'pagehide' || life === 'freeze') leave()
        if (life === 'pageshow' || life === 'resume') comeBack()
      }, signal)
      await begin()
    },
    host: hosting.host,
    isStill: attendance.isStill,
    look: following.look,
    answer: lease.show,
    async end() {
      ended = true
      reign++
      await hosting.stop().then(hosting.isFree)
      lease.giveBack()
    },
  }
}
