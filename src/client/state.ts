import type { Guarantee } from '../model/engine.js'
import type { Snapshot } from '../model/handle.js'

/** What a snapshot says in every phase. */
export type Constant = Pick<Snapshot, 'guarantee' | 'pending' | 'reload' | 'shadow'>

type Variable<S> = S extends Snapshot ? Omit<S, keyof Constant> : never

/** What a snapshot says in one phase. */
export type Phase = Variable<Snapshot>

/** The state that the host sees: a new snapshot at each change, the same one while nothing changed. */
export interface Presence {
  get(): Snapshot
  /** Enters a phase. */
  show(phase: Phase): void
  /** Changes what holds in every phase. */
  amend(constant: Partial<Constant>): void
  subscribe(listener: () => void): () => void
  /** Runs once, as soon as it is settled what runs. */
  onceSettled(run: () => void): void
}

export function createPresence(guarantee: Guarantee, onThrow: (cause: unknown) => void): Presence {
  const listeners = new Set<() => void>()
  let constant: Constant = { guarantee, pending: null, reload: 'none', shadow: null }
  let phase: Phase = { phase: 'idle', decision: null, running: null }
  let snapshot: Snapshot = Object.freeze({ ...constant, ...phase })
  const publish = () => {
    snapshot = Object.freeze({ ...constant, ...phase })
    for (const listener of listeners) {
      try {
        listener()
      } catch (cause) {
        onThrow(cause)
      }
    }
  }
  return {
    get: () => snapshot,
    show(next) {
      // What was begun before the end may come to its own end later.
      if (phase.phase === 'closed') return
      phase = next
      publish()
    },
    amend(change) {
      const next = { ...constant, ...change }
      if (JSON.stringify(next) === JSON.stringify(constant)) return
      constant = next
      publish()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    onceSettled(run) {
      const look = () => {
        if (phase.phase !== 'running' && phase.phase !== 'halted') return
        listeners.delete(look)
        run()
      }
      listeners.add(look)
      look()
    },
  }
}
