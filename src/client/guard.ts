import type { Engines } from '../engine/guarantee.js'
import type { Observation } from '../engine/outcome.js'
import type { Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection } from '../store/control.js'
import type { Assignment } from './assignment.js'
import { type Breaker, createBreaker } from './breaker.js'
import type { Emitter } from './events.js'
import type { Hint } from './hint.js'
import { createObserver } from './observer.js'
import type { Voice } from './voice.js'

export interface GuardOptions {
  platform: Platform
  control: ControlConnection | null
  assignment: Assignment
  emitter: Emitter
  voice: Voice
  /** Of the refactored engine; `null` where there is none. */
  version: string | null
  /** Of the rollout. */
  url: string | null
  pump(): Promise<void>
  tell(hint: Hint): void
  reconsider(): void
  report(cause: unknown): void
  signal: AbortSignal
}

/** Gives the refactored engine up on this device when it fails here. */
export interface Guard {
  breaker: Breaker
  /** Takes what is seen of the engine while it runs. */
  observe(observation: Observation): void
}

export function createGuard(o: GuardOptions): Guard {
  const epoch = () => {
    const rollout = o.assignment.rollout()
    return rollout && (rollout.resetEpoch ?? 0)
  }
  const breaker = createBreaker({
    ...o,
    epoch,
    onTrip(by) {
      o.emitter.emit('tripped', { engine: 'refactored', by })
      o.voice.say({ about: 'trip', by, version: o.version })
      o.tell({ kind: 'control' })
      o.reconsider()
    },
  })
  const isKilled = () => o.assignment.decide('refactored').reason === 'KILLED'
  return { breaker, observe: createObserver({ ...o, breaker, epoch, isKilled }) }
}

/** An engine that can't be left without its help is not given up: nothing would run instead of it. */
export function versionToJudge<Op extends Operation>(
  engines: Engines<Op> | undefined,
): string | null {
  return engines?.legacy.queue?.importer ? (engines.refactored?.version ?? null) : null
}
