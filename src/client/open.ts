import { boundEngines } from '../engine/adapter.js'
import { assess, type Engines } from '../engine/guarantee.js'
import { countOpen } from '../engine/oplog.js'
import { createOperations, type Operations } from '../flows/enqueue.js'
import { createRefresh, type Refresh } from '../flows/refresh.js'
import type { Arm, Decision, Subject } from '../model/decision.js'
import { GraySyncError } from '../model/errors.js'
import type { GraySyncOptions } from '../model/handle.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from '../platform/bound.js'
import { createAssignment } from './assignment.js'
import type { Core } from './core.js'
import type { Emitter } from './events.js'
import { type Hint, parseHint } from './hint.js'
import { createSeen, keep, openProfile, settleArm } from './profile.js'
import { watchReload } from './reload.js'
import { createSession, type Session } from './session.js'
import type { Presence } from './state.js'
import { openStores } from './stores.js'
import { createVoice, type Voice } from './voice.js'

const COUNT_EVERY_MS = 100
const ROUND_TRIP_MS = 5_000

export interface Opening<Op extends Operation> {
  platform: Platform
  options: GraySyncOptions<Op>
  emitter: Emitter
  state: Presence
  signal: AbortSignal
  report(cause: unknown): GraySyncError
}

/** The parts of one handle, put together. */
export interface Opened<Op extends Operation> {
  core: Core<Op>
  session: Session<Op>
  operations: Operations<Op>
  voice: Voice
  refresh: Refresh | null
  /** Binds a user. */
  bind(subject: Subject | null): Promise<void>
  prefer(engine: EngineName | null): Promise<void>
}

export async function open<Op extends Operation>(o: Opening<Op>): Promise<Opened<Op>> {
  const { platform, state, emitter, signal } = o
  const options = { ...o.options, ...boundEngines(platform, o.options.engines) }
  const stores = await openStores(platform)
  const { control, database } = stores
  for (const error of stores.trouble) o.report(error)
  let subject = options.subject ?? null
  const consent = options.consent ?? 'pending'
  const profile = await openProfile(platform, control, subject, consent).catch((cause) => {
    // A full disk: who this is can't be kept, and is made up for this session.
    o.report(cause)
    return openProfile(platform, null, subject, consent)
  })
  const isFirstBoot = stores.first !== null && stores.first.term === 0
  const pristine = isFirstBoot && (await platform.pristine())
  const assignment = createAssignment({
    subject: () => ({ ...subject, id: profile.bucketingKey }),
    now: () => refresh?.correctedNow() ?? platform.now(),
    preference: () => profile.preference,
    supported:
      control !== null &&
      platform.lock !== null &&
      (!options.engines || options.engines.refactored !== undefined),
    override: options.override ?? null,
  })
  const channel = platform.channel?.('graysync', (message) => receive(parseHint(message)))
  signal.addEventListener('abort', () => channel?.close(), { once: true })

  const receive = (hint: Hint | null) => {
    if (hint?.kind === 'accepted') void operations.pump()
    if (hint?.kind === 'settled') void operations.look(hint.opIds).catch(o.report)
    if (hint?.kind === 'control') void session.look()
    if (hint?.kind === 'ask') void session.answer()
  }

  let counting = false
  const recount = () => {
    if (!control || counting) return
    counting = true
    platform.setTimer(() => {
      counting = false
      if (signal.aborted) return
      countOpen(control).then((pending) => state.amend({ pending }), o.report)
    }, COUNT_EVERY_MS)
  }

  const operations = createOperations<Op>({
    platform,
    control,
    userId: () => subject?.id ?? null,
    adoptNullUser: (op) => options.adoptNullUser?.(op) ?? false,
    host: () => session.host(),
    tell: (hint) => channel?.post(hint),
    onChange: recount,
    onSettled: (settled) => voice.say({ about: 'settled', settled }),
    onError: o.report,
  })

  const voice = createVoice({
    platform,
    database,
    sink: options.sink,
    consent: profile.consent,
    app: options.app,
    installation: profile.installation,
    engine: () => state.get().running,
    pending: () => state.get().pending,
    decision: () => present(),
    rollout: assignment.rollout,
    emit: emitter.emit,
    signal,
  })
  emitter.on('error', (error) => voice.say({ about: 'error', error }))

  const reconsider = watchReload({
    platform,
    state,
    emitter,
    assignment,
    canSwitch: options.engines?.refactored !== undefined,
  })

  const refresh = options.rollout
    ? createRefresh({
        platform,
        options: options.rollout,
        database,
        seen: createSeen(control),
        onRollout(rollout, { cached, changed }) {
          assignment.take(rollout, cached)
          if (cached || !changed) return
          const { engine } = assignment.decide(state.get().running ?? 'legacy')
          emitter.emit('rolloutChanged', { version: rollout.version, engine })
          reconsider()
        },
        onError: o.report,
        signal,
      })
    : null

  const decided = (decision: Decision) => {
    assignment.hold(decision)
    emitter.emit('decided', decision)
    const { rollout, stage, arm } = decision
    const tell = (drawn: Arm) => {
      assignment.setArm({ rollout, stage, arm: drawn })
      state.onceSettled(() =>
        voice.say({ about: 'decision', decision: { ...decision, arm: drawn } }),
      )
    }
    if (rollout === null || stage === null) tell(arm)
    else settleArm(control, rollout, stage, arm).then(tell, o.report)
  }

  const present = (): Decision => assignment.present() ?? assignment.decide('legacy')

  const core: Core<Op> = {
    platform,
    options,
    signal,
    emitter,
    state,
    stores,
    profile,
    pristine,
    userId: () => subject?.id ?? null,
    adoptNullUser: (op) => options.adoptNullUser?.(op) ?? false,
    decide: assignment.decide,
    decided,
    decision: present,
    async compare(left, right) {
      const { audit } = await import('../flows/audit.js')
      return audit({
        platform,
        left,
        right,
        rules: options.compare ?? { tables: {} },
        inFlight: () => false,
        signal,
        // Inside the fence nobody writes: what differs once differs for good.
        settleMs: 0,
      })
    },
    async roundTrip() {
      if (!options.rollout?.url || !platform.online()) return false
      const asking = platform.fetch(options.rollout.url, { method: 'HEAD', cache: 'no-store' })
      const late = () => new GraySyncError('NETWORK', 'no answer in time')
      return withinTime(platform, ROUND_TRIP_MS, asking, late).then(
        () => true,
        () => false,
      )
    },
    witness(engine, outcome) {
      const { evidence } = profile
      profile.evidence = {
        sends: { ...evidence.sends, [engine]: options.engines?.[engine]?.version ?? '' },
        duplicate: evidence.duplicate || outcome === 'duplicate',
        fenced: evidence.fenced || outcome === 'fenced',
      }
      if (JSON.stringify(evidence) === JSON.stringify(profile.evidence)) return
      keep(control, 'evidence', profile.evidence).catch(o.report)
      reassess(options.engines)
    },
    noteHandover: (outcome) => voice.say({ about: 'handover', outcome }),
    tell: (hint) => channel?.post(hint),
    report: o.report,
  }

  const session: Session<Op> = createSession(core, operations)

  const reassess = (engines: Engines<Op> | undefined) => {
    const guarantee = assess(engines, profile.evidence)
    const before = state.get().guarantee
    state.amend({ guarantee })
    if (before.tier !== guarantee.tier) emitter.emit('guaranteeChanged', guarantee)
  }
  reassess(options.engines)
  assignment.take((await refresh?.load()) ?? null, true)

  return {
    core,
    session,
    operations,
    voice,
    refresh,
    async bind(next) {
      subject = next
      reconsider()
      await operations.pump()
    },
    async prefer(engine) {
      profile.preference = engine
      await keep(control, 'preference', engine)
      channel?.post({ kind: 'control' })
      reconsider()
    },
  }
}
