import { keepMemory, readMemory, type ShadowMemory } from '../consistency/memory.js'
import { beginWatch, comparePlans, type Sight, type Watched, watch } from '../consistency/shadow.js'
import { startEngine, stopEngine } from '../engine/adapter.js'
import { readControl } from '../engine/control.js'
import { createEcho } from '../engine/echo.js'
import type { Host } from '../engine/handing.js'
import { hydrate } from '../engine/hydrate.js'
import { createShadowContext } from '../engine/shadow.js'
import type { Engine, Running, Store } from '../model/engine.js'
import { type ErrorCode, GraySyncError, isGraySyncError } from '../model/errors.js'
import type { EngineName, Identified, Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { AuditReport, Source } from '../model/source.js'
import { withinTime } from '../platform/bound.js'
import { readRoom } from '../platform/room.js'
import type { ControlConnection } from '../store/control.js'
import type { GraySyncDatabase } from '../store/database.js'

const CALL_TIMEOUT_MS = 5_000
const FIRST_COMPARISON_MS = 30_000
/** An engine whose start the page did not survive so often is not started in shadow again. */
const MOST_DEATHS = 3

/** An engine with a store of its own: the only kind that can run beside another. */
export interface Shadowable<Op extends Operation> extends Engine<Op> {
  data: Source
  store: Store<Op>
}

export interface ShadowOptions<Op extends Operation> {
  platform: Platform
  control: ControlConnection
  database: GraySyncDatabase
  /** The engine that owns the profile, as it runs in this tab, and its rows. */
  owner: Host<Op>
  ownerData: Source
  name: EngineName
  engine: Shadowable<Op>
  device: string
  /** One that was switched off is tried again under another version. */
  rolloutVersion: number
  /** Pause between two comparisons, in ms. */
  everyMs: number
  /** Of the owner's rows with the shadow's, and which of these are `behind`. */
  compare(
    left: Source,
    right: Source,
    o: { behind(): readonly Operation[]; signal: AbortSignal },
  ): Promise<AuditReport>
  onChange(watched: Watched): void
  /** Of a comparison that counts: nothing kept either engine from its server meanwhile. */
  onReport(report: AuditReport): void
  signal: AbortSignal
}

/** An engine that runs in shadow. */
export interface ShadowRun<Op extends Operation> {
  /** The owner's engine has this operation. */
  handed(op: Identified<Op>): void
  /** Operations that its store does not have yet. */
  behind(): readonly Operation[]
  /** Ends it at once: nothing that was asked for before gets into its store. Resolves when its engine has stopped, or could not be stopped in time. */
  end(): Promise<void>
}

/** Runs the other engine beside the owner's, and compares what the two hold. Holds nobody up, and fails alone. */
export function startShadow<Op extends Operation>(o: ShadowOptions<Op>): ShadowRun<Op> {
  const { platform, control, database, owner, name, engine } = o
  const ending = new AbortController()
  const signal = AbortSignal.any([o.signal, ending.signal])
  const under = `${engine.version} ${o.rolloutVersion}`
  let watched = beginWatch(name)
  let memory: ShadowMemory | null = null
  let running: Running<Op> | null = null
  /** Of the writer in whose tab it runs: with it the shadow is over. */
  let term = 0
  /** Times that the network or the page was away: a comparison across one is void. */
  let disturbances = 0

  const see = (sight: Sight) => {
    const wasOff = watched.shadow.state === 'off'
    watched = watch(watched, sight)
    o.onChange(watched)
    if (!wasOff && watched.shadow.because) void giveUp(watched.shadow.because)
  }
  const fail = (cause: unknown) => {
    if (!signal.aborted) see({ saw: 'error', code: codeOf(cause) })
  }
  const echo = createEcho<Op>({ platform, log: control, apply, onError: fail, signal })
  platform.onLife((life) => {
    if (life === 'offline' || life === 'hidden') disturbances++
  }, signal)

  async function run(): Promise<void> {
    o.onChange(watched)
    const owned = await readControl(control)
    term = owned.term
    memory = await readMemory(database, `${name} ${engine.version} ${owned.flip}`)
    await insistOnReady(memory)
    if (!memory.filled) await fill()
    await remember({ filled: true, deaths: memory.deaths + 1 })
    signal.throwIfAborted()
    const started = await startEngine(platform, name, engine, context())
    await remember({ deaths: 0 })
    if (signal.aborted) return void stopEngine(platform, started)
    running = started
    await echo.begin()
    see({ saw: 'filled' })
    compareAfter(FIRST_COMPARISON_MS)
  }

  async function remember(change: Partial<ShadowMemory>): Promise<void> {
    if (!memory) return
    memory = { ...memory, ...change }
    await keepMemory(database, memory)
  }

  async function insistOnReady({ off, deaths, filled }: ShadowMemory): Promise<void> {
    if (off?.under === under) throw new GraySyncError(off.because, 'it was switched off before')
    if (deaths >= MOST_DEATHS) {
      throw new GraySyncError('ENGINE_TIMEOUT', 'the page did not survive its start')
    }
    // What an engine holds it might send, whatever it is told.
    const size = await engine.queue?.size()
    if (size && size.count > 0) throw new GraySyncError('QUEUE_NOT_EMPTY', 'its queue holds work')
    if (filled) return
    const { usage, quota } = await readRoom(platform)
    if (quota - usage < usage) throw new GraySyncError('QUOTA', 'no room for a second store')
  }

  /** Rejects once the shadow is over: a tab that stood still must not write what another one runs by now. */
  async function check(): Promise<void> {
    signal.throwIfAborted()
    if ((await readControl(control)).term > term) {
      void end()
      throw new GraySyncError('FENCED', `term ${term} is over: this shadow has ended`)
    }
    signal.throwIfAborted()
  }

  async function fill(): Promise<void> {
    try {
      const source = { ...owner.engine, data: lend(o.ownerData) }
      await hydrate({ source, target: engine, coordinator: { check } })
    } catch (cause) {
      // Half a store is of use to nobody; but one that may be handed over by now is left alone.
      await check().then(engine.store.clear, () => undefined)
      throw cause
    }
  }

  /** The owner's rows page by page, as copies: the other engine may do with them what it likes. */
  function lend(data: Source): Source {
    return {
      ...data,
      async page(table, after, limit) {
        await platform.pause()
        return structuredClone(await data.page(table, after, limit))
      },
    }
  }

  const context = () =>
    createShadowContext({
      fetch: platform.fetch,
      device: o.device,
      term,
      signal,
      check,
      onRefused: () => see({ saw: 'refused' }),
      onRead(answered) {
        if (!answered) disturbances++
      },
    })

  const call = <T>(work: () => T | Promise<T>): Promise<T> => {
    const late = () => new GraySyncError('ENGINE_TIMEOUT', `engine ${name} in shadow is too slow`)
    return withinTime(platform, CALL_TIMEOUT_MS, Promise.resolve().then(work), late)
  }

  async function apply(op: Identified<Op>): Promise<void> {
    try {
      if (engine.knows?.(op) === false) return
      await check()
      await call(() => engine.store.apply(structuredClone(op)))
      if (signal.aborted) return
      see({ saw: 'applied' })
      await comparePlan(op)
    } catch (cause) {
      fail(cause)
    }
  }

  async function comparePlan(op: Identified<Op>): Promise<void> {
    if (!owner.running.plan || !running?.plan) return
    const [mine, theirs] = [owner.running, running].map((one) =>
      call(() => one.plan?.(structuredClone(op))),
    )
    // Where the owner has no plan of this one there is nothing to hold the other against.
    const expected = await mine?.catch(() => undefined)
    const planned = await theirs
    if (expected) see({ saw: 'plan', paths: comparePlans(expected, planned) })
  }

  function compareAfter(ms: number): void {
    platform.setTimer(() => {
      if (signal.aborted) return
      compare()
        .catch(fail)
        .finally(() => compareAfter(o.everyMs))
    }, ms)
  }

  async function compare(): Promise<void> {
    if (!platform.visible() || !platform.online()) return
    const before = disturbances
    const report = await o.compare(o.ownerData, engine.data, { behind: echo.behind, signal })
    if (signal.aborted || disturbances !== before) return
    if (!report.complete) throw new GraySyncError('AUDIT', 'a store could not be read to its end')
    see({ saw: 'compared', report, at: platform.now() })
    o.onReport(report)
  }

  async function giveUp(because: ErrorCode): Promise<void> {
    await end()
    await remember({ off: { under, because } }).catch(() => undefined)
  }

  async function end(): Promise<void> {
    ending.abort()
    const stopping = running
    running = null
    if (stopping) await stopEngine(platform, stopping)
  }

  run().catch((cause) => {
    if (!signal.aborted) see({ saw: 'end', code: codeOf(cause) })
  })
  return { handed: echo.handed, behind: echo.behind, end }
}

function codeOf(cause: unknown): ErrorCode {
  return isGraySyncError(cause) ? cause.code : 'ENGINE_START'
}
