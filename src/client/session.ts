import { readControl } from '../engine/control.js'
import type { Host } from '../engine/handing.js'
import { sweepAcked } from '../engine/oplog.js'
import type { Operations } from '../flows/enqueue.js'
import type { Control } from '../model/engine.js'
import { type ErrorCode, GraySyncError, isGraySyncError } from '../model/errors.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { Blocked, Core } from './core.js'
import { type Booted, cross } from './crossing.js'
import { createHosting } from './hosting.js'
import { createLease } from './lease.js'
import { readPreference } from './profile.js'
import { noteOwner, wasSwitched } from './stores.js'

/** How long an acknowledged operation is remembered, so that its id is known when it comes again. */
const ACKED_KEPT_MS = 30 * 86_400_000

/** What this tab does: it leads, with the engine, or follows the tab that does. */
export interface Session<Op extends Operation> {
  begin(): Promise<void>
  host(): Host<Op> | null
  /** Another tab changed the control record, or the user's choice. */
  look(): Promise<void>
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
  /** Rises with every lead and at its end: what was begun under a lower one goes no further. */
  let reign = 0
  let following = false
  let away = false
  /** Whose engine was shown last; a handover shows none in between. */
  let owner: EngineName | null = null

  async function begin(): Promise<void> {
    const mine = reign
    if (core.stores.isNewer) return waitForUpdate()
    if (!platform.lock || (await lease.take())) return lead()
    if (mine !== reign) return
    await follow()
    if (mine === reign) lease.await()
    else following = false
  }

  async function lead(): Promise<void> {
    if (signal.aborted) return lease.giveBack()
    const mine = ++reign
    const isMine = () => mine === reign && !signal.aborted
    following = false
    try {
      if (!core.stores.control) return await runBare(isMine)
      const booted = await cross(core, lease.isHeld()).catch(stay)
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

  /** A newer build of the app wrote what is stored: this one takes operations and sends nothing. */
  function waitForUpdate(): void {
    decideBare()
    state.amend({ reload: 'required' })
    refuse('NEWER_STATE', core.stores.trouble[0]?.message ?? 'update the app')
  }

  function decideBare(): void {
    core.decided(core.decide(wasSwitched(platform) ? 'refactored' : 'legacy'))
  }

  function refuse(by: ErrorCode, fix: string): void {
    const decision = core.decision()
    const role = lease.isHeld() ? 'writer' : 'follower'
    state.show({ phase: 'running', decision, running: null, role, blocked: { by, fix } })
  }

  /** Nothing can be stored here: the engine that the profile has runs, and nothing ever moves. */
  async function runBare(isMine: () => boolean): Promise<void> {
    decideBare()
    const blocked = whyBare()
    if (wasSwitched(platform)) return refuse(blocked.by, blocked.fix)
    await start('legacy', 0, blocked, isMine)
  }

  function whyBare(): Blocked {
    const [error] = core.stores.trouble
    return { by: error?.code ?? 'STORE', fix: error?.message ?? 'storage is not available' }
  }

  async function run(booted: Booted, isMine: () => boolean): Promise<void> {
    const { control, blocked } = booted
    noteOwner(platform, control)
    owner = control.owner
    if (!control.owner) throw new GraySyncError('HALTED', `stuck while ${control.phase}`)
    await start(control.owner, control.term, blocked, isMine)
    if (!isMine()) return
    core.tell({ kind: 'control' })
    await operations.pump()
    const { control: log } = core.stores
    if (log) await sweepAcked(log, platform.now() - ACKED_KEPT_MS).catch(core.report)
  }

  async function start(
    name: EngineName,
    term: number,
    blocked: Blocked | null,
    isMine: () => boolean,
  ): Promise<void> {
    const engine = core.options.engines?.[name]
    if (!engine) return refuse('ENGINE_LOAD', whyNoEngine(name))
    try {
      if (!(await hosting.start(name, engine, term, isMine))) return
      const why = blocked && { blocked }
      const decision = core.decision()
      state.show({ phase: 'running', decision, running: name, role: 'writer', ...why })
    } catch (cause) {
      const { code } = core.report(cause)
      const fix = `engine ${name} did not start: reload when online, or ship a build that has it`
      if (isMine()) refuse(code, fix)
    }
  }

  function whyNoEngine(name: EngineName): string {
    return core.options.engines
      ? `this profile is on ${name}: ship an app that has that engine`
      : 'decide only: give `engines` to run one'
  }

  /** From the lead into the line; an engine that goes on by itself must not be started beside itself. */
  async function stepBack(): Promise<void> {
    const canStop = hosting.host()?.running.stop !== undefined || !hosting.host()
    const mine = ++reign
    await hosting.stop()
    if (mine !== reign) return
    lease.giveBack()
    if (!platform.lock || !canStop) {
      return refuse('FENCED', 'another tab writes now: reload this one to take over')
    }
    following = true
    await look().catch(core.report)
    if (following && !signal.aborted) lease.await()
  }

  /** A page that is kept to be shown again runs nothing, and must not hold what others wait for. */
  function leave(): void {
    const host = hosting.host()
    if (away || (host && !host.running.stop)) return
    away = true
    reign++
    following = false
    void hosting.stop({ atOnce: true })
    lease.giveBack()
  }

  function comeBack(): void {
    if (!away) return
    away = false
    begin().catch(halt)
  }

  async function follow(): Promise<void> {
    const { control: connection } = core.stores
    if (!connection) {
      decideBare()
      const { by, fix } = whyBare()
      return refuse(by, fix)
    }
    const control = await readControl(connection)
    core.decided(core.decide(control.owner ?? control.handover?.from ?? 'legacy'))
    following = true
    show(control)
  }

  function show(control: Control): void {
    const decision = core.decision()
    if (control.owner) {
      owner = control.owner
      state.show({ phase: 'running', decision, running: control.owner, role: 'follower' })
      return
    }
    const { from, to } = control.handover ?? { from: 'legacy', to: 'refactored' }
    state.show({ phase: 'handover', decision, running: null, from, to, step: control.phase })
  }

  async function look(): Promise<void> {
    const { control: connection } = core.stores
    if (!following || !connection) return
    core.profile.preference = await readPreference(connection)
    const control = await readControl(connection)
    if (!following || signal.aborted) return
    const before = owner
    show(control)
    if (before && owner && before !== owner) {
      core.emitter.emit('engineSwitched', { from: before, to: owner })
    }
  }

  function halt(cause: unknown): void {
    reign++
    const error = core.report(cause)
    state.show({ phase: 'halted', decision: core.decision(), running: null, error })
    if (!signal.aborted) core.emitter.emit('halted', error)
    void hosting.stop().then(lease.giveBack)
  }

  return {
    async begin() {
      platform.onLife((life) => {
        if (life === 'pagehide') leave()
        if (life === 'pageshow') comeBack()
      }, signal)
      await begin().catch(halt)
    },
    host: hosting.host,
    look: () => look().catch((cause) => void core.report(cause)),
    async end() {
      reign++
      await hosting.stop()
      lease.giveBack()
    },
  }
}
