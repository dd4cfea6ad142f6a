import { startEngine, stopEngine } from '../engine/adapter.js'
import { readControl } from '../engine/control.js'
import { sweepAcked } from '../engine/oplog.js'
import { createTransport } from '../engine/transport.js'
import type { Host, Operations } from '../flows/enqueue.js'
import type { Control, EngineContext } from '../model/engine.js'
import { type ErrorCode, GraySyncError, isGraySyncError } from '../model/errors.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { Held } from '../model/platform.js'
import type { Blocked, Core } from './core.js'
import { cross } from './crossing.js'
import { readPreference } from './profile.js'
import { noteOwner, wasSwitched } from './stores.js'

/** How long an acknowledged operation is remembered, so that its id is known when it comes again. */
const ACKED_KEPT_MS = 30 * 86_400_000
const LEASE = 'graysync-writer'

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
  let host: (Host<Op> & { abort: AbortController }) | null = null
  let held: Held | null = null
  let following = false
  /** Whose engine was shown last; a handover shows none in between. */
  let owner: EngineName | null = null

  async function begin(): Promise<void> {
    const { control } = core.stores
    if (core.stores.isNewer) return waitForUpdate()
    if (!control) return runBare()
    if (!platform.lock) return lead(null)
    held = await platform.lock(LEASE, { signal, ifAvailable: true })
    if (held) return lead(held)
    await follow(await readControl(control))
    standInLine()
  }

  /** One request, held until it is granted: asking twice would make two leaders. */
  function standInLine(): void {
    platform.lock?.(LEASE, { signal }).then(takeOver, () => undefined)
  }

  async function takeOver(granted: Held | null): Promise<void> {
    held = granted
    following = false
    if (signal.aborted) return held?.release()
    // Gaining the lease is a boot: what is desired is read anew and handed over first.
    await lead(held).catch(halt)
  }

  async function lead(lease: Held | null): Promise<void> {
    lease?.lost.then(
      // A lease that was given back is lost as well.
      () => (held === lease ? loseLease() : undefined),
      () => undefined,
    )
    const { control, blocked } = await cross(core, lease !== null)
    await run(control, blocked)
  }

  async function loseLease(): Promise<void> {
    held = null
    if (signal.aborted) return
    await stop()
    await stepBack()
  }

  /** A newer build of the app wrote what is stored: this one takes operations and sends nothing. */
  function waitForUpdate(): void {
    const [error] = core.stores.trouble
    const decision = core.decide(wasSwitched(platform) ? 'refactored' : 'legacy')
    core.decided(decision)
    state.amend({ reload: 'required' })
    refuse('NEWER_STATE', error?.message ?? 'update the app')
  }

  function refuse(by: ErrorCode, fix: string): void {
    const decision = core.decision()
    const role = held ? 'writer' : 'follower'
    state.show({ phase: 'running', decision, running: null, role, blocked: { by, fix } })
  }

  /** Nothing can be stored here: the engine that the profile has runs, and nothing ever moves. */
  async function runBare(): Promise<void> {
    const [error] = core.stores.trouble
    const by = error?.code ?? 'STORE'
    const fix = error?.message ?? 'storage is not available'
    const decision = core.decide(wasSwitched(platform) ? 'refactored' : 'legacy')
    core.decided(decision)
    if (wasSwitched(platform)) return refuse(by, fix)
    await start('legacy', 0, { by, fix })
  }

  async function run(control: Control, blocked: Blocked | null): Promise<void> {
    noteOwner(platform, control)
    owner = control.owner
    if (!control.owner) return halt(new GraySyncError('HALTED', `stuck while ${control.phase}`))
    await start(control.owner, control.term, blocked)
    core.tell({ kind: 'control' })
    await operations.pump()
    const { control: log } = core.stores
    if (log) await sweepAcked(log, platform.now() - ACKED_KEPT_MS)
  }

  async function start(name: EngineName, term: number, blocked: Blocked | null): Promise<void> {
    const decision = core.decision()
    const engine = core.options.engines?.[name]
    if (!engine) {
      const fix = core.options.engines
        ? `this profile is on ${name}: ship an app that has that engine`
        : 'decide only: give `engines` to run one'
      return refuse('ENGINE_LOAD', fix)
    }
    const abort = new AbortController()
    const transport = createTransport({
      fetch: platform.fetch,
      device: core.profile.installation,
      term,
      signal: abort.signal,
      highestTerm: async () =>
        core.stores.control ? (await readControl(core.stores.control)).term : term,
      isSuspended: () => name === 'refactored' && core.decide(name).reason === 'KILLED',
      onFenced: () => void fenced(term),
      onAnswer: (answer) => core.witness(name, answer.outcome),
    })
    const ctx: EngineContext = {
      mode: 'active',
      signal: abort.signal,
      fetch: transport.fetch,
      term,
      device: core.profile.installation,
      ack: (opId) => void operations.ack(opId, name).catch(core.report),
      fail: (opId, cause) => void operations.fail(opId, cause).catch(core.report),
    }
    try {
      const running = await startEngine(platform, name, engine, ctx)
      if (signal.aborted) return void (await stopEngine(platform, running))
      host = { name, engine, running, abort }
      const why = blocked && { blocked }
      state.show({ phase: 'running', decision, running: name, role: 'writer', ...why })
    } catch (cause) {
      abort.abort()
      core.report(cause)
      const by = isGraySyncError(cause) ? cause.code : 'ENGINE_START'
      refuse(by, `engine ${name} did not start: reload when online, or ship a build that has it`)
    }
  }

  async function fenced(term: number): Promise<void> {
    core.emitter.emit('fenced', { term })
    await stop()
    if (!platform.lock) {
      return refuse('FENCED', 'another tab writes now: reload this one to take over')
    }
    giveBack()
    await stepBack()
  }

  function giveBack(): void {
    const lease = held
    held = null
    lease?.release()
  }

  /** From the lead into the line. */
  async function stepBack(): Promise<void> {
    following = true
    await look()
    standInLine()
  }

  async function follow(control: Control): Promise<void> {
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
    const error = core.report(cause)
    state.show({ phase: 'halted', decision: core.decision(), running: null, error })
    core.emitter.emit('halted', error)
    giveBack()
  }

  async function stop(): Promise<void> {
    const stopping = host
    host = null
    if (!stopping) return
    await stopEngine(platform, stopping.running)
    stopping.abort.abort()
  }

  return {
    begin: () => begin().catch(halt),
    host: () => host,
    look: () => look().catch((cause) => void core.report(cause)),
    async end() {
      await stop()
      giveBack()
    },
  }
}
