import type { Engine, EngineContext, Running } from '../model/engine.js'
import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from '../platform/bound.js'

const START_TIMEOUT_MS = 15_000
const STOP_DEADLINE_MS = 5_000

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

/** Starts an engine within a bound. Rejects with ENGINE_LOAD, ENGINE_START or ENGINE_TIMEOUT. */
export async function startEngine<Op extends Operation>(
  platform: Platform,
  name: EngineName,
  engine: Engine<Op>,
  ctx: EngineContext,
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
