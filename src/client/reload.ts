import type { Snapshot } from '../model/handle.js'
import type { EngineName } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Assignment } from './assignment.js'
import type { Emitter } from './events.js'
import type { Presence } from './state.js'

export interface ReloadOptions {
  platform: Platform
  state: Presence
  emitter: Emitter
  assignment: Assignment
  /** There are two engines. */
  canSwitch: boolean
  /** Refactored was given up here, and a boot finds that it may send again. */
  isLifted(): boolean
  signal: AbortSignal
}

export interface Reload {
  /** Something changed that the wish for a reload depends on. */
  reconsider(): void
  /** A write of this page was refused: until it is loaded anew it works on the wrong engine's rows. */
  insist(to: EngineName): void
}

/**
 * Holds what the newest rollout wants against what runs, at each change of either, and asks for a reload where they differ:
 * the engine itself changes at the next boot only. The answer does it once more.
 */
export function watchReload(o: ReloadOptions): Reload {
  const { state, assignment } = o
  let insisted = false
  const ask = (to: EngineName) => {
    state.amend({ reload: 'wanted' })
    o.emitter.emit('reloadWanted', { since: o.platform.now(), to })
  }
  const reconsider = () => {
    const snapshot = state.get()
    const { reload } = snapshot
    const present = toPresent(snapshot)
    if (!present || insisted) return
    const { engine, version } = assignment.decide(present)
    const isOther = engine !== present && !wasTried(snapshot, engine, version)
    const isLifted = engine === present && engine === 'refactored' && o.isLifted()
    const wants = o.canSwitch && (isOther || isLifted)
    if (wants && reload === 'none') ask(engine)
    else if (!wants && reload === 'wanted') state.amend({ reload: 'none' })
  }
  o.signal.addEventListener('abort', state.subscribe(reconsider), { once: true })
  return {
    reconsider,
    insist(to) {
      if (insisted) return
      insisted = true
      ask(to)
    },
  }
}

/** Where the engine that was decided did not start, it is still the one to leave. */
function toPresent({ phase, running, decision }: Snapshot): EngineName | null {
  return running ?? (phase === 'running' ? decision.engine : null)
}

/** This very wish has just failed at the boot: `blocked` says why, and another boot is no help. */
function wasTried(snapshot: Snapshot, engine: string, version: number | null): boolean {
  if (snapshot.phase !== 'running' || !snapshot.blocked) return false
  return snapshot.decision.engine === engine && snapshot.decision.version === version
}
