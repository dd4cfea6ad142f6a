import { startEngine, stopEngine } from '../engine/adapter.js'
import { readControl } from '../engine/control.js'
import type { Host } from '../engine/handing.js'
import { createTransport } from '../engine/transport.js'
import type { Operations } from '../flows/enqueue.js'
import type { Engine, EngineContext } from '../model/engine.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { Core } from './core.js'

/** The engine that runs in this tab, if any. */
export interface Hosting<Op extends Operation> {
  host(): Host<Op> | null
  /** Under which it runs; `null` where none does. */
  term(): number | null
  /** Starts an engine under a term; `false` when it was no longer wanted once it had started. */
  start(
    name: EngineName,
    engine: Engine<Op>,
    term: number,
    isWanted: () => boolean,
  ): Promise<boolean>
  /** Stops what runs, as well as it can be stopped; at once where the page is about to freeze. */
  stop(o?: { atOnce: boolean }): Promise<void>
}

/** `onFenced` hears of the engine that runs, once, and never of one that ran before. */
export function createHosting<Op extends Operation>(
  core: Core<Op>,
  operations: Operations<Op>,
  onFenced: (term: number) => void,
): Hosting<Op> {
  const { platform } = core
  const { installation } = core.profile
  let host: (Host<Op> & { abort: AbortController; term: number }) | null = null

  const createContext = (name: EngineName, term: number, abort: AbortController): EngineContext => {
    const { signal } = abort
    const transport = createTransport({
      fetch: platform.fetch,
      device: installation,
      term,
      signal,
      highestTerm: async () =>
        core.stores.control ? (await readControl(core.stores.control)).term : term,
      isSuspended: () => name === 'refactored' && core.decide(name).reason === 'KILLED',
      onFenced() {
        if (host?.abort === abort) onFenced(term)
      },
      onAnswer: ({ outcome }) => core.witness(name, outcome),
    })
    return {
      mode: 'active',
      signal,
      fetch: transport.fetch,
      term,
      device: installation,
      ack: (opId) => void operations.ack(opId, name).catch(core.report),
      fail: (opId, cause) => void operations.fail(opId, cause).catch(core.report),
    }
  }

  return {
    host: () => host,
    term: () => host?.term ?? null,
    async start(name, engine, term, isWanted) {
      const abort = new AbortController()
      try {
        const running = await startEngine(platform, name, engine, createContext(name, term, abort))
        if (isWanted()) {
          host = { name, engine, running, abort, term }
          return true
        }
        abort.abort()
        await stopEngine(platform, running)
        return false
      } catch (cause) {
        abort.abort()
        throw cause
      }
    },
    async stop(o) {
      const stopping = host
      host = null
      if (!stopping) return
      if (o?.atOnce) stopping.abort.abort()
      await stopEngine(platform, stopping.running)
      stopping.abort.abort()
    },
  }
}
