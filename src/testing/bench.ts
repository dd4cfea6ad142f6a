import type { Engine, EngineContext, Running } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { EngineName, Operation } from '../model/operation.js'
import { WRITES } from '../model/writes.js'

const NAME: EngineName = 'legacy'

/** Runs one engine as the tab that leads would, without a network: what it takes, it holds. */
export interface Bench<Op extends Operation> {
  /** Starts it, under a new term each time, and stops it after the work. */
  run(work: (running: Running<Op>) => Promise<void>): Promise<void>
  /** Resolves once something was sent through `ctx.fetch`. */
  readonly sent: Promise<void>
  readonly seen: Seen
}

/** What an engine did that its queue and its rows do not show. */
export interface Seen {
  sends: number
  /** After it said that it had stopped. */
  lateSends: number
  /** Operations that it ended, although no server answered. */
  ended: string[]
  /** A write of it asked for its rights, in the transaction of the row. */
  isFenced: boolean
  /** `null` until it was stopped. */
  isClean: boolean | null
}

export function createBench<Op extends Operation>(
  engine: Engine<Op>,
  deadlineMs: number,
): Bench<Op> {
  const seen: Seen = { sends: 0, lateSends: 0, ended: [], isFenced: false, isClean: null }
  let term = 0
  let tellSent = () => {}
  const sent = new Promise<void>((resolve) => {
    tellSent = resolve
  })

  const createContext = (signal: AbortSignal): EngineContext => {
    const rights = { flip: 1, term: ++term, owner: NAME }
    const end = async (opId: string) => void seen.ended.push(opId)
    return {
      mode: 'active',
      signal,
      term,
      device: 'check',
      async fetch() {
        if (signal.aborted) {
          seen.lateSends++
          throw new GraySyncError('FENCED', 'the engine was stopped')
        }
        seen.sends++
        tellSent()
        throw new TypeError('the network is away')
      },
      ack: end,
      fail: end,
      [WRITES]: {
        engine: NAME,
        flip: rights.flip,
        term,
        signal,
        fenced: () => {},
        port: {
          opened: () => {},
          rights() {
            seen.isFenced = true
            return rights
          },
          userId: () => null,
          now: () => 0,
          mintId: () => crypto.randomUUID(),
          captured: () => {},
          fenced: () => {},
          report: () => {},
        },
      },
    }
  }

  return {
    seen,
    sent,
    async run(work) {
      const abort = new AbortController()
      const running = (await engine.start(createContext(abort.signal))) ?? {}
      try {
        await work(running)
      } finally {
        const ended = await running.stop?.({ deadlineMs })
        abort.abort()
        seen.isClean = seen.isClean !== false && ended?.clean !== false
      }
    },
  }
}
