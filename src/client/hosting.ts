import { startEngine, stopEngine } from '../engine/adapter.js'
import { readControl } from '../engine/control.js'
import type { Host } from '../engine/handing.js'
import { createTransport } from '../engine/transport.js'
import type { Operations } from '../flows/enqueue.js'
import type { Engine, EngineContext } from '../model/engine.js'
import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type { EngineName, Operation } from '../model/operation.js'
import { type Rights, WRITES } from '../model/writes.js'
import { withinTime } from '../platform/bound.js'
import type { Core } from './core.js'

const DRAIN_DEADLINE_MS = 10_000
const CLEARED = 'storage was cleared under this page: its engine starts anew, as on a first start'

/** Under which an engine writes and sends. */
export type Grant = Pick<Rights, 'flip' | 'term'>

/** The engine that runs in this tab, if any. */
export interface Hosting<Op extends Operation> {
  host(): Host<Op> | null
  /** Under which term it runs; `null` where none does. */
  term(): number | null
  /** Starts an engine under a grant; `false` when it was no longer wanted once it had started. */
  start(
    name: EngineName,
    engine: Engine<Op>,
    grant: Grant,
    isWanted: () => boolean,
  ): Promise<boolean>
  /** No engine of before goes on by itself, since it can't be stopped. Waits for one that starts or stops still. */
  isFree(): Promise<boolean>
  /** Lets what runs send what it holds, within a bound: the next handover then has less to move, or finds the queue empty. */
  drain(): Promise<void>
  /** Stops what runs, at once where the page is about to freeze; `false` where an engine goes on by itself. */
  stop(o?: { atOnce: boolean }): Promise<boolean>
}

/** `onFenced` hears once of an engine whose term is over, and never of one that is no longer wanted. */
export function createHosting<Op extends Operation>(
  core: Core<Op>,
  operations: Operations<Op>,
  onFenced: (term: number) => void,
): Hosting<Op> {
  const { platform } = core
  const { installation } = core.profile
  let isCleared = false
  let host: (Host<Op> & { abort: AbortController; term: number }) | null = null
  /** Of the last start. */
  let latest = new AbortController()
  /** What starts or stops still. */
  let passing: Promise<unknown> = Promise.resolve()
  let isFree = true
  /** An engine that was given up may still come up. */
  let isLate = false

  const readTerm = async (mine: number) => {
    if (!core.stores.control) return mine
    const { term } = await readControl(core.stores.control)
    if (term < mine && !isCleared) {
      isCleared = true
      core.report(new GraySyncError('STORE', CLEARED))
    }
    return term
  }

  /** An engine may wait for this and need not: unheard, it rejects for nobody. */
  const written = (writing: Promise<void>): Promise<void> => {
    writing.catch(core.report)
    return writing
  }

  const createContext = (
    name: EngineName,
    { flip, term }: Grant,
    signal: AbortSignal,
    fenced: () => void,
  ): EngineContext => {
    const observe = name === 'refactored' ? core.observe : () => {}
    const transport = createTransport({
      fetch: platform.fetch,
      device: installation,
      term,
      signal,
      highestTerm: () => readTerm(term),
      isSuspended: () =>
        name === 'refactored' && (core.breaker.isOpen() || core.decide(name).reason === 'KILLED'),
      onFenced: fenced,
      onAnswer(answer) {
        core.witness(name, answer).catch(core.report)
        observe({ kind: 'answered', answer })
      },
    })
    return {
      mode: 'active',
      signal,
      fetch: transport.fetch,
      term,
      device: installation,
      ack(opId) {
        observe({ kind: 'acked', opId })
        return written(operations.ack(opId, name))
      },
      fail(opId, cause) {
        observe({ kind: 'failed', opId, cause })
        return written(operations.fail(opId, cause))
      },
      [WRITES]: { port: core.writes, engine: name, flip, term, signal, fenced },
    }
  }

  const giveUp = async (over: Promise<boolean>) => {
    isLate = true
    isFree = (await over) && isFree
    isLate = false
  }

  /** Whoever hears that a term is over wants its engine no more. */
  const watchTerm = (term: number, isWanted: () => boolean) => {
    const fenced = () => {
      if (isWanted()) onFenced(term)
    }
    const leads = async () => {
      if ((await readTerm(term)) !== term) fenced()
      return isWanted()
    }
    return { fenced, leads }
  }

  const watchBoot = (name: EngineName, signal: AbortSignal) =>
    name === 'refactored' ? core.breaker.begin(signal) : () => {}

  const begin: Hosting<Op>['start'] = async (name, engine, grant, isWanted) => {
    if (isLate) throw new GraySyncError('ENGINE_TIMEOUT', 'the engine of before still starts')
    const { term } = grant
    const { fenced, leads } = watchTerm(term, isWanted)
    // One that is tried again is so a minute after its boot.
    if (!(await leads())) return false
    const abort = new AbortController()
    latest = abort
    const started = watchBoot(name, abort.signal)
    try {
      const context = createContext(name, grant, abort.signal, fenced)
      const running = await startEngine(platform, name, engine, context, giveUp)
      if (isWanted()) {
        started()
        host = { name, engine, running, abort, term, leads }
        return true
      }
      if (!running.stop) isFree = false
      abort.abort()
      await stopEngine(platform, running)
      return false
    } catch (cause) {
      abort.abort()
      if (name === 'refactored' && isGraySyncError(cause) && isWanted()) {
        core.observe({ kind: 'start', error: cause })
      }
      throw cause
    }
  }

  return {
    host: () => host,
    term: () => host?.term ?? null,
    start(...given) {
      const started = begin(...given)
      passing = started.catch(() => undefined)
      return started
    },
    async isFree() {
      await passing
      return isFree
    },
    async drain() {
      const running = host?.running
      if (!running?.drain) return
      const late = () => new GraySyncError('ENGINE_TIMEOUT', 'the engine did not drain in time')
      const draining = Promise.resolve(running.drain({ deadlineMs: DRAIN_DEADLINE_MS }))
      await withinTime(platform, DRAIN_DEADLINE_MS, draining, late)
    },
    async stop(o) {
      const stopping = host
      host = null
      if (!stopping) {
        latest.abort()
        return isFree
      }
      if (!stopping.running.stop) isFree = false
      if (o?.atOnce) stopping.abort.abort()
      const stopped = stopEngine(platform, stopping.running)
      passing = stopped
      const isClean = await stopped
      stopping.abort.abort()
      await core.witness(stopping.name, { isClean }).catch(core.report)
      if (stopping.name === 'refactored') core.observe({ kind: 'stopped' })
      return isFree
    },
  }
}
