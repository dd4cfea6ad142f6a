import { assess, NO_EVIDENCE } from '../engine/guarantee.js'
import { copyOperation, readOpen, toPending } from '../engine/oplog.js'
import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type { GraySync, GraySyncOptions, Snapshot } from '../model/handle.js'
import type { Operation, Pending } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import { WRITES } from '../model/writes.js'
import { withinTime } from '../platform/bound.js'
import { detectPlatform } from '../platform/platform.js'
import { closeAll } from './closing.js'
import { createEmitter } from './events.js'
import { createInert } from './inert.js'
import { untilLoaded } from './later.js'
import { type Opened, open } from './open.js'
import { CONSENT, checkOptions, checkSubject, ENGINE_NAME, insist } from './options.js'
import { createPresence } from './state.js'
import { settleLocks } from './stores.js'
import { createWrites } from './writes.js'

const START_TIMEOUT_MS = 3_000
/** More than what is open is given to end. */
const CLOSE_TIMEOUT_MS = 15_000

/**
 * Makes the handle of one app. Make it once, outside of any component, and call `start()` without waiting: rendering never
 * depends on it. Throws OPTION at once where an option is wrong, naming the field and what was got; nothing throws into the
 * host after `start` but `enqueue`, when nobody took the operation. On a server the handle is inert.
 *
 * @example
 * const gray = createGraySync<CardOp>({
 *   app: { name: 'CardEverything', version: '5.7.0' },
 *   rollout: { url: '/rollouts/sync-engine', keys: [publicKey] },
 *   engines: { legacy, refactored },
 * })
 * void gray.start()
 */
export function createGraySync<Op extends Operation = Operation>(
  options: GraySyncOptions<Op>,
): GraySync<Op> {
  return createClient(options, detectPlatform())
}

/** Makes the handle of one app on a platform; `null` stands for a server, where the handle is inert. */
export function createClient<Op extends Operation>(
  options: GraySyncOptions<Op>,
  platform: Platform | null,
): GraySync<Op> {
  checkOptions(options)
  if (!platform) return createInert()
  let closing: Promise<void> | null = null
  let isClosed = false
  /** Of all that is open; another one begins where it has to be opened anew. */
  let life = new AbortController()
  const report = (cause: unknown): GraySyncError => {
    const error = isGraySyncError(cause)
      ? cause
      : new GraySyncError('ABORTED', cause instanceof Error ? cause.message : String(cause), {
          cause,
        })
    if (!isClosed) emitter.emit('error', error)
    return error
  }
  const complain = (cause: unknown) => {
    // A host's listener threw: the page should see it as its own uncaught error, and nobody else.
    platform.setTimer(() => {
      throw cause
    }, 0)
  }
  const emitter = createEmitter(complain)
  const state = createPresence(
    assess(options.engines, NO_EVIDENCE, () => false),
    complain,
  )
  let opening: Promise<Opened<Op>> | null = null
  let subject = options.subject ?? null
  const writes = createWrites(platform, () => subject, report)
  let starting: Promise<void> | null = null

  /** A question to the host that throws is answered with no. */
  const adoptNullUser = (op: Pending<Op>): boolean => {
    try {
      return options.adoptNullUser?.(op) ?? false
    } catch (cause) {
      report(cause)
      return false
    }
  }
  const openAll = async (): Promise<Opened<Op>> => {
    life = new AbortController()
    const { signal } = life
    return open({
      platform: await settleLocks(platform),
      options: { ...options, subject, adoptNullUser },
      emitter,
      state,
      writes,
      signal,
      report,
      load: () => import('./desk.js'),
    })
  }
  const reach = (): Promise<Opened<Op>> => {
    const isOver = isClosed || (closing !== null && !opening)
    if (isOver) return Promise.reject(new GraySyncError('CLOSED', 'this handle is closed'))
    opening ??= openAll()
    return opening
  }
  const halt = (cause: unknown) => {
    const error = report(cause)
    state.show({ phase: 'halted', decision: null, running: null, error })
    emitter.emit('halted', error)
  }
  /** What could not be opened at the start may be later: a page that runs nothing for it begins anew then. */
  const revive = async (opened: Opened<Op>) => {
    const load = () => Promise.all([import('./patrol.js'), import('./desk.js')])
    const { signal } = life
    const [{ untilReadable }, { carryOver }] = await untilLoaded({ platform, signal }, load)
    await untilReadable(platform, signal)
    if (closing || state.get().running) return
    opening = closeAll(opened, life).then(openAll)
    await carryOver(opened, await opening)
    await begin()
  }
  const begin = async () => {
    const opened = await reach()
    if (isClosed) return
    const { session, refresh } = opened
    await session.begin()
    if (isClosed) return
    refresh?.watch()
    emitter.emit('started', state.get())
    const { server } = options
    if (!opened.core.stores.control && platform.indexedDB && !state.get().running)
      revive(opened).catch(halt)
    if (!server) return
    // A chunk that can't be loaded now is loaded at the next start.
    import('./desk.js').then((desk) => desk.keepAuditing(opened, server)).catch(() => undefined)
  }
  const close = async () => {
    const late = () => new GraySyncError('STORE_BLOCKED', 'what still opens is closed afterwards')
    const ending = Promise.resolve(opening).then((opened) => opened && closeAll(opened, life))
    await withinTime(platform, CLOSE_TIMEOUT_MS, ending, late).catch(() => undefined)
    isClosed = true
    state.show({ phase: 'closed', decision: state.get().decision, running: null })
    emitter.emit('closed', undefined)
    emitter.clear()
  }
  const settle = async (): Promise<Snapshot> => {
    await starting?.catch(report)
    return state.get()
  }

  return {
    [WRITES]: writes.port,
    get decision() {
      return state.get().decision
    },
    get guarantee() {
      return state.get().guarantee
    },
    async start() {
      if (closing !== null) return state.get()
      if (!starting) state.show({ phase: 'starting', decision: null, running: null })
      starting ??= begin().catch(halt)
      const late = () => new GraySyncError('ENGINE_TIMEOUT', 'the start goes on in the background')
      const ms = options.startTimeoutMs ?? START_TIMEOUT_MS
      await withinTime(platform, ms, starting, late).catch((cause) => {
        // A handover shows that it goes on; a start that hangs shows nothing.
        if (state.get().phase === 'starting') report(cause)
      })
      return state.get()
    },
    getSnapshot: state.get,
    subscribe: state.subscribe,
    on: emitter.on,
    async enqueue(op, o) {
      // At once: what the host does to its object afterwards is another operation.
      const taken = copyOperation(op)
      const userId = subject?.id ?? null
      const { operations, voice } = await reach()
      const accepted = await operations.enqueue(taken, o?.applied ?? false, userId)
      voice.say({ about: 'use', feature: `${taken.entity}.${taken.kind}` })
      return accepted
    },
    async openOperations() {
      const { core } = await reach()
      const { control } = core.stores
      await core.replicas.forward().catch(report)
      return control ? (await readOpen(control)).map((row) => toPending<Op>(row)) : []
    },
    async identify(next) {
      checkSubject(next)
      const before = subject
      subject = next
      // Before the first decision the subject is simply the one that is decided about.
      const opened = await opening?.catch(() => null)
      await opened?.bind(next)
      if (!isClosed && before && before.id !== next?.id && !options.keepBackupsOnLogout) {
        const drop = async () =>
          (await import('./desk.js')).dropBackups((await reach()).core, before.id)
        await drop().catch(report)
      }
      return settle()
    },
    async prefer(engine) {
      if (engine !== null) insist(ENGINE_NAME, engine, 'engine')
      await (await reach()).prefer(engine)
      return settle()
    },
    async preflight() {
      return (await import('./desk.js')).preflight((await reach()).core)
    },
    async repair(o) {
      const opened = await reach()
      return (await import('./desk.js')).planMending(opened, o)
    },
    async audit(o = {}) {
      const opened = await reach()
      return (await import('./desk.js')).inspect(opened, o)
    },
    async restore(backup) {
      const opened = await reach()
      return (await import('./desk.js')).restore(opened, backup)
    },
    use(feature) {
      reach().then(
        ({ voice }) => voice.say({ about: 'use', feature }),
        () => undefined,
      )
    },
    feedback: async (entry) => (await reach()).voice.feedback(entry),
    feedbackEntries: async () => (await reach()).voice.entries(),
    async setConsent(consent) {
      insist(CONSENT, consent, 'consent')
      await (await reach()).setConsent(consent)
    },
    async supportFile() {
      const { core } = await reach()
      return (await import('./desk.js')).writeSupportFile(core)
    },
    async forget(o) {
      const opened = await reach()
      await (await import('./desk.js')).forget(opened, o?.keepPending ?? false)
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}
