import type { Sighting } from '../engine/guarantee.js'
import type { Observation } from '../engine/outcome.js'
import type { Replicas } from '../engine/replicas.js'
import type { Outcome } from '../flows/handover.js'
import type { Decision } from '../model/decision.js'
import type { ErrorCode, GraySyncError } from '../model/errors.js'
import type { GraySyncOptions } from '../model/handle.js'
import type { EngineName, Operation, Pending } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Rollout } from '../model/rollout.js'
import type { AuditReport, Source } from '../model/source.js'
import type { WritePort } from '../model/writes.js'
import type { Breaker } from './breaker.js'
import type { Emitter } from './events.js'
import type { Hint } from './hint.js'
import type { Profile } from './profile.js'
import type { Presence } from './state.js'
import type { Stores } from './stores.js'

/** Why the engine that should run does not, and what mends it. */
export interface Blocked {
  by: ErrorCode
  fix: string
}

/** What the parts of one handle share, from the moment its stores are open. */
export interface Core<Op extends Operation> {
  platform: Platform
  options: GraySyncOptions<Op>
  signal: AbortSignal
  emitter: Emitter
  state: Presence
  stores: Stores
  profile: Profile
  /** The fence in the host's databases. */
  replicas: Replicas
  /** What the host's databases talk to. */
  writes: WritePort
  breaker: Breaker
  /** Judges what is seen of the refactored engine. */
  observe(observation: Observation): void
  /** Nobody used this app on this profile before, nor did an engine run in this page. */
  pristine: boolean
  userId(): string | null
  adoptNullUser(op: Pending<Op>): boolean
  /** The newest rollout. */
  rollout(): Rollout | null
  /** Epoch ms by upstream's clock; `null` while it was not heard. */
  confirmedNow(): number | null
  /** What the rollout assigns to a profile of this owner, now. */
  decide(owner: EngineName): Decision
  /** Makes a decision this session's. */
  decided(decision: Decision): void
  /** This session's decision. */
  decision(): Decision
  compare(left: Source, right: Source): Promise<AuditReport>
  /** One answered request to the server. */
  roundTrip(): Promise<boolean>
  /** Takes what was seen of an engine as evidence, or as evidence that fell. */
  witness(engine: EngineName, seen: Sighting): Promise<void>
  noteHandover(outcome: Outcome): void
  /** Tells the other tabs where to look; carries nothing that counts. */
  tell(hint: Hint): void
  /** Emits and records an error, and answers it by graysync's codes. */
  report(cause: unknown): GraySyncError
}
