import { findPassage } from '../engine/passage.js'
import { boot, takeTerm } from '../flows/boot.js'
import { type HandoverOptions, handover, type Outcome, resume } from '../flows/handover.js'
import type { Decision } from '../model/decision.js'
import type { Control } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { ControlConnection } from '../store/control.js'
import { beginAttempt, isWayBack, noteRollback } from './attempt.js'
import type { Blocked, Core } from './core.js'
import { readPreference } from './profile.js'
import { noteOwner } from './stores.js'

/** Who owns the profile after a boot, and what it left undone. */
export interface Booted {
  control: Control
  blocked: Blocked | null
}

/** Boots as the tab that may send: resumes, hands over where that is desired, and answers who owns the profile then. */
export async function cross<Op extends Operation>(
  core: Core<Op>,
  mayHandOver: boolean,
  isMine: () => boolean,
): Promise<Booted> {
  const { control: connection } = core.stores
  if (!connection) throw new GraySyncError('STORE', 'there is no control record')
  core.profile.preference = await readPreference(connection)
  let taken: Decision | null = null
  const decideOnce = async (owner: EngineName) => {
    if (!taken) {
      await core.breaker.enter(owner)
      taken = core.decide(owner)
      core.decided(taken)
    }
    return taken
  }
  for (let round = 0; round < 3; round++) {
    const { control, decision, next } = await boot({
      platform: core.platform,
      control: connection,
      canSwitch: core.options.engines?.refactored !== undefined,
      mayHandOver,
      decide: decideOnce,
    })
    if (next === 'run') {
      const missed = core.options.engines && decision.engine !== control.owner
      const fix = 'serve the app over https: a handover needs Web Locks'
      return { control, blocked: missed ? { by: 'UNSUPPORTED', fix } : null }
    }
    const blocked = next === 'handover' ? await handOver(core, control) : await goOn(core, control)
    // A tab that lost the lease meanwhile must not end the term of who has it.
    if (!isMine()) throw new GraySyncError('FENCED', 'another tab leads')
    // The term that stands may be another tab's by now: two may never send under one.
    if (blocked) {
      return { control: await takeTerm({ platform: core.platform, control: connection }), blocked }
    }
  }
  throw new GraySyncError('HALTED', 'the handover does not come to an end')
}

/** Brings every replica to the control record. One that can't be raised lets through less than it might, never more. */
export async function raise<Op extends Operation>(
  core: Core<Op>,
  control: Control,
): Promise<Blocked | null> {
  try {
    await core.replicas.raise(control)
    return null
  } catch (cause) {
    const { code, message } = core.report(cause)
    return { by: code, fix: `${message}: close the other tabs of this app, then reload` }
  }
}

async function goOn<Op extends Operation>(
  core: Core<Op>,
  control: Control,
): Promise<Blocked | null> {
  const outcome = await resume(handoverOptions(core), control)
  if (!outcome) return null
  await noteRollback(core, outcome)
  tellOutcome(core, outcome)
  return outcome.outcome === 'committed' ? whyNot(outcome) : null
}

/** What a handover left undone. */
function whyNot({ outcome, because, error }: Outcome): Blocked | null {
  if (outcome === 'committed' && !error) return null
  return { by: because ?? 'ABORTED', fix: error?.message ?? 'the next start tries again' }
}

async function handOver<Op extends Operation>(
  core: Core<Op>,
  control: Control,
): Promise<Blocked | null> {
  const { engines } = core.options
  const { control: connection } = core.stores
  if (!engines?.refactored || !connection || !control.owner) return null
  const { legacy, refactored } = engines
  const [from, to] = control.owner === 'legacy' ? [legacy, refactored] : [refactored, legacy]
  const passage = await findPassage({
    from,
    to,
    rescues: isWayBack(core) && control.owner === 'refactored',
    // Whoever wrote the record before may have let the user work.
    pristine: core.pristine && control.term === 1,
    roundTrip: core.roundTrip,
  })
  if (passage.way === 'closed') return { by: passage.by, fix: passage.fix }
  // Back on legacy a build from before graysync does no harm.
  const mayWait = passage.way !== 'fresh' && control.owner === 'legacy'
  const waits = mayWait ? await findOldTabs(core, connection) : null
  if (waits) return waits
  const attempt = await beginAttempt(core, connection)
  if ('wait' in attempt) return { by: 'HALTED', fix: attempt.wait }
  const outcome = await handover(handoverOptions(core), control)
  await attempt.end(outcome)
  await noteRollback(core, outcome)
  tellOutcome(core, outcome)
  return whyNot(outcome)
}

async function findOldTabs<Op extends Operation>(
  core: Core<Op>,
  connection: ControlConnection,
): Promise<Blocked | null> {
  try {
    const { waitForOldTabs } = await import('./patrol.js')
    return await waitForOldTabs(core, connection)
  } catch (cause) {
    core.report(cause)
    return { by: 'NETWORK', fix: 'go online: the code that looks for old tabs can’t be loaded' }
  }
}

function handoverOptions<Op extends Operation>(core: Core<Op>): HandoverOptions<Op> {
  const { engines } = core.options
  const { control } = core.stores
  if (!engines || !control) throw new GraySyncError('HALTED', 'a handover needs both engines')
  return {
    platform: core.platform,
    control,
    engines,
    userId: core.userId(),
    presentUser: core.userId,
    adoptNullUser: core.adoptNullUser,
    audit: core.compare,
    rescues: isWayBack(core),
    replicas: core.replicas,
    onStep(step) {
      const { phase, handover: state } = step
      noteOwner(core.platform, step)
      if (!state) return
      const { id, from, to } = state
      if (phase === 'preparing') core.emitter.emit('handoverStarted', { id, from, to })
      core.state.show({
        phase: 'handover',
        decision: core.decision(),
        running: null,
        from,
        to,
        step: phase,
      })
      core.tell({ kind: 'control' })
    },
  }
}

function tellOutcome<Op extends Operation>(core: Core<Op>, outcome: Outcome): void {
  const { id, from, to, moved, durationMs, because, error } = outcome
  core.emitter.emit('handoverFinished', {
    id,
    outcome: outcome.outcome,
    moved,
    durationMs,
    ...(because && { because }),
  })
  if (outcome.outcome === 'committed') core.emitter.emit('engineSwitched', { from, to })
  if (error) core.report(error)
  if (outcome.outcome === 'committed' && to === 'refactored' && because === 'HANDOVER_VERIFY') {
    void core.breaker.trip('integrity', { message: error?.message })
  }
  core.noteHandover(outcome)
}
