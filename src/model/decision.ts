import type { EngineName } from './operation.js'

/** Why a profile runs the engine it runs; the order is the order of the rules. */
export const REASONS = [
  'NO_ROLLOUT',
  'KILLED',
  'ROLLED_BACK',
  'UNSUPPORTED',
  'OVERRIDDEN',
  'DENIED',
  'OPTED_OUT',
  'ALLOWED',
  'OPTED_IN',
  'KEPT',
  'HELD_OUT',
  'BEFORE_FIRST_STAGE',
  'NOT_TARGETED',
  'NOT_ADMITTED',
  'IN_SHARE',
  'OUT_OF_SHARE',
] as const

export type Reason = (typeof REASONS)[number]

export type AttributeValue = string | number | boolean | null | readonly string[]

/** Whom a rollout is about. OpenFeature calls the id the targeting key. */
export interface Subject {
  id: string
  attributes?: Readonly<Record<string, AttributeValue>>
}

export type Arm = 'candidate' | 'control' | 'none'

/** Which engine the rollout assigns, and why. What runs is apart from it: see the snapshot. */
export interface Decision {
  engine: EngineName
  reason: Reason
  /** The group of the analysis: fixed at the first exposure in a stage. */
  arm: Arm
  rollout: string | null
  version: number | null
  stage: string | null
  /** 0 to 100,000. */
  share: number | null
  /** Unsigned 32-bit hash of the subject. */
  bucket: number | null
  /** Taken from the cache or inlined, not yet confirmed by the network in this session. */
  cached: boolean
  /** Older than the rollout's `maxAgeMs`. */
  stale: boolean
  /** What every rule up to the deciding one answered, in order. */
  explain(): readonly Explained[]
}

export interface Explained {
  rule: Reason
  answer: boolean
  detail?: string
}

/** Everything a decision depends on beside the rollout. */
export interface DecisionInput {
  subject: Subject
  /** Epoch ms, corrected by the server's clock where one was seen. */
  now: number
  /** The engine that owns the profile. */
  owner: EngineName
  /** The user's own choice. */
  preference: EngineName | null
  /** A local rollback is in force. */
  rolledBack: boolean
  /** This device and these adapters can run the refactored engine. */
  supported: boolean
  override: EngineName | null
  cached: boolean
}
