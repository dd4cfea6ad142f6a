import { boundEngines } from '../engine/adapter.js'
import { takeCaptured } from '../engine/handing.js'
import { createReplicas } from '../engine/replicas.js'
import { createOperations, type Operations } from '../flows/enqueue.js'
import { createRefresh, type Refresh } from '../flows/refresh.js'
import type { Decision, Subject } from '../model/decision.js'
import type { GraySyncError } from '../model/errors.js'
import type { GraySyncOptions } from '../model/handle.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Consent } from '../model/record.js'
import { createAssignment } from './assignment.js'
import type { Core } from './core.js'
import { createCount } from './count.js'
import type { Emitter } from './events.js'
import { createExposing } from './exposing.js'
import { createGuard, versionToJudge } from './guard.js'
import { type Hint, parseHint } from './hint.js'
import { createSeen, keep, mintInstallation, openProfile } from './profile.js'
import { createProof } from './proof.js'
import { watchReload } from './reload.js'
import { askRollout } from './round-trip.js'
import { createSession, type Session } from './session.js'
import { createShadow, type LoadShadowing } from './shadow.js'
import type { Presence } from './state.js'
import { isPristine, openStores } from './stores.js'
import { createVoice, type Voice } from './voice.js'
import { serveWrites, type Writes } from './writes.js'

export interface Opening<Op extends Operation> {
  platform: Platform
  options: GraySyncOptions<Op>
  emitter: Emitter
  state: Presence
  writes: Writes
  signal: AbortSignal
  report(cause: unknown): GraySyncError
  load: LoadShadowing
}

/** The parts of one handle, put together. */
export interface Opened<Op extends Operation> {
  core: Core<Op>
  session: Session<Op>
  shadow: ReturnType<typeof createShadow<Op>>
  operations: Operations<Op>
  voice: Voice
  refresh: Refresh | null
  /** Binds a user. */
  bind(subject: Subject | null): Promise<void>
  prefer(engine: EngineName | null): Promise<void>
  setConsent(consent: Consent): Promise<void>
}

export async function open<Op extends Operation>(o: Opening<Op>): Promise<Opened<Op>> {
  const { platform, state, emitter, signal } = o
  const options = { ...o.options, ...boundEngines(platform, o.options.engines) }
  const { engines } = options
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
  const replicas = createReplicas(platform, control, {
    take: (captured, store) =>
      takeCaptured({ platform, log: control, host: session.host() }, captured, store),
    onRaised: () => proof.reassess(),
  })
  const proof = createProof({ control, profile, engines, replicas, state, emitter })
  const pristine = stores.first?.term === 0 && (await isPristine(platform))
  const assignment = createAssignment({
    subject: () => ({ ...subject, id: profile.bucketingKey }),
    now: () => refresh?.correctedNow() ?? platform.now(),
    preference: () => profile.preference,
    isLatched: (epoch) => guard.breaker.isLatched(epoch),
    supported:
      control !== null && platform.lock !== null && (!engines || engines.refactored !== undefined),
    override: options.override ?? null,
  })
  const channel = platform.channel?.('graysync', (message) => receive(parseHint(message)))
  signal.addEventListener('abort', () => channel?.close(), { once: true })

  const receive = (hint: Hint | null) => {
    if (session.isStill()) return
    if (hint?.kind === 'accepted') void operations.catchUp()
    if (hint?.kind === 'settled') void operations.look(hint.opIds).catch(o.report)
    if (hint?.kind === 'control') void session.look().then(reload.reconsider)
    if (hint?.kind === 'ask') void session.answer()
    if (hint?.kind === 'forgotten') profile.installation = mintInstallation(platform)
  }

  const recount = createCount({ platform, control, state, signal, report: o.report })
  const operations = createOperations<Op>({
    platform,
    control,
    userId: () => subject?.id ?? null,
    adoptNullUser: (op) => options.adoptNullUser?.(op) ?? false,
    host: () => session.host(),
    forward: replicas.forward,
    tell: (hint) => channel?.post(hint),
    onHanded: (op) => shadow.handed(op),
    onChange: recount,
    onSettled: (settled) => voice.say({ about: 'settled', settled }),
    onPushed(engine, opId, error) {
      if (engine === 'refactored') guard.observe({ kind: 'pushed', opId, error })
    },
    onError: o.report,
  })

  const voice = createVoice({
    platform,
    database,
    sink: options.sink,
    consent: profile.consent,
    app: options.app,
    installation: () => profile.installation,
    engine: () => state.get().running,
    pending: () => state.get().pending,
    decision: () => present(),
    rollout: assignment.rollout,
    isTripped: () => guard.breaker.isOpen(),
    emit: emitter.emit,
    signal,
  })
  emitter.on('error', (error) => voice.say({ about: 'error', error }), { signal })

  const reload = watchReload({
    platform,
    state,
    emitter,
    assignment,
    canSwitch: engines?.refactored !== undefined,
    isLifted: () => guard.breaker.isLifted(),
    signal,
  })

  const guard = createGuard({
    platform,
    control,
    assignment,
    emitter,
    voice,
    version: versionToJudge(engines),
    url: options.rollout?.url ?? null,
    pump: () => operations.pump(),
    tell: (hint) => channel?.post(hint),
    reconsider: reload.reconsider,
    report: o.report,
    signal,
  })

  const refresh = options.rollout
    ? createRefresh({
        platform,
        options: options.rollout,
        database,
        seen: createSeen(control),
        onRollout(rollout, { cached, changed }) {
          assignment.take(rollout, cached)
          shadow.look()
          if (cached || !changed) return
          const { engine } = assignment.decide(state.get().running ?? 'legacy')
          emitter.emit('rolloutChanged', { version: rollout.version, engine })
          reload.reconsider()
        },
        onError: o.report,
        signal,
      })
    : null

  const present = (): Decision => assignment.present() ?? assignment.decide('legacy')

  const core: Core<Op> = {
    platform,
    options,
    signal,
    emitter,
    state,
    stores,
    profile,
    replicas,
    writes: o.writes.port,
    ...guard,
    pristine,
    userId: () => subject?.id ?? null,
    adoptNullUser: (op) => options.adoptNullUser?.(op) ?? false,
    rollout: assignment.rollout,
    decide: assignment.decide,
    confirmedNow: () => refresh?.confirmedNow() ?? null,
    decided: createExposing({ control, assignment, emitter, state, voice, report: o.report }),
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
    roundTrip: () => askRollout(platform, options.rollout?.url),
    witness: proof.witness,
    noteHandover: (outcome) => voice.say({ about: 'handover', outcome }),
    tell: (hint) => channel?.post(hint),
    report: o.report,
  }

  const session: Session<Op> = createSession(core, operations)
  const shadow = createShadow(core, { host: session.host, say: voice.say, load: o.load })
  state.onceSettled(shadow.look)
  proof.reassess()
  serveWrites(o.writes, { replicas, operations, session, reload, emitter, report: o.report })
  assignment.take((await refresh?.load()) ?? null, true)

  return {
    core,
    session,
    shadow,
    operations,
    voice,
    refresh,
    async bind(next) {
      if (subject?.id !== next?.id) guard.observe({ kind: 'left' })
      subject = next
      reload.reconsider()
      await operations.pump()
    },
    async prefer(engine) {
      await keep(control, 'preference', engine).catch(o.report)
      // Not before: what was being read meanwhile is the choice of before.
      profile.preference = engine
      channel?.post({ kind: 'control' })
      reload.reconsider()
    },
    async setConsent(consent) {
      profile.consent = consent
      await keep(control, 'consent', consent).catch(o.report)
      await voice.setConsent(consent).catch(o.report)
    },
  }
}
