import type { Engine, EngineContext, Queue, Running, Store } from '../model/engine.js'
import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type { Awaitable, EngineName, Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Source } from '../model/source.js'
import { withinTime } from '../platform/bound.js'
import type { Engines } from './guarantee.js'

const START_TIMEOUT_MS = 15_000
const STOP_DEADLINE_MS = 5_000
const CALL_TIMEOUT_MS = 30_000

/**
 * Types an engine for your operations. A capability is a member that exists: the least adapter is
 * `start`, and every member more raises `gray.guarantee`.
 *
 * @example
 * const legacy = defineEngine<CardOp>({
 *   version: '5.0',
 *   async start() {
 *     await import('./cloud-sync')
 *   },
 * })
 */
export function defineEngine<Op extends Operation>(engine: Engine<Op>): Engine<Op> {
  return engine
}

/** How browsers word the failure of a dynamic import: the only sign there is. */
const IMPORT_FAILED = /dynamically imported module|importing a module script|module script failed/i

/**
 * Starts an engine within a bound. Rejects with ENGINE_LOAD, ENGINE_START or ENGINE_TIMEOUT; one that was given up may still
 * come up, and `onGivenUp` is handed what says whether nothing of it goes on then.
 */
export async function startEngine<Op extends Operation>(
  platform: Platform,
  name: EngineName,
  engine: Engine<Op>,
  ctx: EngineContext,
  onGivenUp?: (over: Promise<boolean>) => void,
): Promise<Running<Op>> {
  const starting = Promise.resolve().then(() => engine.start(ctx))
  try {
    const running = await withinTime(
      platform,
      START_TIMEOUT_MS,
      starting,
      () => new GraySyncError('ENGINE_TIMEOUT', `engine ${name} did not start in time`),
    )
    return running ?? {}
  } catch (cause) {
    // What starts too late belongs to nobody.
    const end = async (running: Running<Op>) => {
      await stopEngine(platform, running)
      return running.stop !== undefined
    }
    const over = starting.then(
      (running) => end(running ?? {}),
      () => true,
    )
    onGivenUp?.(over)
    if (isGraySyncError(cause)) throw cause
    const text = cause instanceof Error ? cause.message : String(cause)
    const code = IMPORT_FAILED.test(text) ? 'ENGINE_LOAD' : 'ENGINE_START'
    throw new GraySyncError(code, `engine ${name}: ${text}`, { cause })
  }
}

/** Stops an engine as well as it can be stopped; `true` when it says that it is clean. */
export async function stopEngine<Op extends Operation>(
  platform: Platform,
  running: Running<Op>,
): Promise<boolean> {
  if (!running.stop) return false
  try {
    const stopping = Promise.resolve(running.stop({ deadlineMs: STOP_DEADLINE_MS }))
    const late = () => new GraySyncError('ENGINE_TIMEOUT', 'the engine did not stop in time')
    const answer = await withinTime(platform, STOP_DEADLINE_MS, stopping, late)
    return answer?.clean ?? true
  } catch {
    return false
  }
}

export function boundEngines<Op extends Operation>(
  platform: Platform,
  engines: Engines<Op> | undefined,
): { engines?: Engines<Op> } {
  if (!engines) return {}
  const { legacy, refactored } = engines
  return {
    engines: {
      legacy: boundEngine(platform, 'legacy', legacy),
      ...(refactored && { refactored: boundEngine(platform, 'refactored', refactored) }),
    },
  }
}

/** The same engine, whose calls at rest answer in time or reject with ENGINE_TIMEOUT: none can hold up a boot for ever. */
function boundEngine<Op extends Operation>(
  platform: Platform,
  name: EngineName,
  engine: Engine<Op>,
): Engine<Op> {
  const bound =
    <Args extends unknown[], Answer>(call: (...args: Args) => Awaitable<Answer>) =>
    (...args: Args): Promise<Answer> => {
      const late = () =>
        new GraySyncError('ENGINE_TIMEOUT', `engine ${name} did not answer in time`)
      const calling = Promise.resolve().then(() => call(...args))
      return withinTime(platform, CALL_TIMEOUT_MS, calling, late)
    }
  const { version, replay, queue, data, store } = engine
  return {
    version,
    start: (ctx) => engine.start(ctx),
    ...(engine.knows && { knows: (op) => engine.knows?.(op) !== false }),
    ...(replay && { replay }),
    ...(queue && { queue: boundQueue(queue, bound) }),
    ...(data && { data: boundSource(data, bound) }),
    ...(store && { store: boundStore(store, bound) }),
  }
}

type Bound = <Args extends unknown[], Answer>(
  call: (...args: Args) => Awaitable<Answer>,
) => (...args: Args) => Promise<Answer>

function boundQueue<Op extends Operation>(queue: Queue<Op>, bound: Bound): Queue<Op> {
  const { exporter, importer } = queue
  return {
    size: bound(() => queue.size()),
    ...(exporter && {
      exporter: {
        read: bound(() => exporter.read()),
        seal: bound((handover) => exporter.seal(handover)),
      },
    }),
    ...(importer && {
      importer: {
        stage: bound((ops, handover) => importer.stage(ops, handover)),
        activate: bound((handover) => importer.activate(handover)),
        discard: bound((handover) => importer.discard(handover)),
      },
    }),
  }
}

function boundSource(data: Source, bound: Bound): Source {
  return {
    name: data.name,
    // A source may know them only once its database is open.
    get tables() {
      return data.tables
    },
    page: bound((table, after, limit) => data.page(table, after, limit)),
    get: bound((table, keys) => data.get(table, keys)),
    ...(data.count && { count: bound((table) => data.count?.(table) ?? Promise.resolve(0)) }),
    ...(data.rewrite && {
      rewrite: bound(async (table, keys, change) => data.rewrite?.(table, keys, change)),
    }),
    ...(data.changes && { changes: bound(async (table) => data.changes?.(table) ?? null) }),
  }
}

function boundStore<Op extends Operation>(store: Store<Op>, bound: Bound): Store<Op> {
  return {
    hydrate: bound((table, rows) => store.hydrate(table, rows)),
    apply: bound((op) => store.apply(op)),
    clear: bound(() => store.clear()),
  }
}
