import type { Arm, Decision, DecisionInput, Reason } from '../model/decision.js'
import type { EngineName } from '../model/operation.js'
import type { Rollout, Stage } from '../model/rollout.js'
import { compileBucket, limitOf } from './bucket.js'
import type { Test } from './condition.js'
import { explain } from './explain.js'
import { compileTarget } from './segment.js'

/** Rules 4 to 9: what the device, the developer, the lists or the user chose. */
type Choice = 'UNSUPPORTED' | 'OVERRIDDEN' | 'DENIED' | 'OPTED_OUT' | 'ALLOWED' | 'OPTED_IN'
/** Rules 11 to 14: where the rollout places whoever was not chosen. */
type Place =
  | 'HELD_OUT'
  | 'BEFORE_FIRST_STAGE'
  | 'NOT_TARGETED'
  | 'NOT_ADMITTED'
  | 'IN_SHARE'
  | 'OUT_OF_SHARE'

const ARMS: Readonly<Record<Place, Arm>> = {
  HELD_OUT: 'control',
  BEFORE_FIRST_STAGE: 'none',
  NOT_TARGETED: 'none',
  NOT_ADMITTED: 'none',
  IN_SHARE: 'candidate',
  OUT_OF_SHARE: 'control',
}

const REFACTORED: ReadonlySet<Reason> = new Set(['ALLOWED', 'OPTED_IN', 'KEPT', 'IN_SHARE'])

interface Begun {
  stage: Stage
  /** The first bucket outside of the stage's share. */
  limit: number
  target: Test | null
}

/**
 * Decides once: which engine a subject gets, and why. The rules have a fixed order and the first that applies decides.
 *
 * @example
 * decide(parseRollout(bytes), input).engine // 'legacy' or 'refactored'
 */
export function decide(rollout: Rollout | null, input: DecisionInput): Decision {
  return compileRollout(rollout)(input)
}

/**
 * Compiles a rollout once into a function that decides. `null` stands for no usable rollout, which moves nobody.
 *
 * @example
 * const decideFor = compileRollout(rollout)
 * const decision = decideFor(input)
 */
export function compileRollout(rollout: Rollout | null): (input: DecisionInput) => Decision {
  if (!rollout) return keepOwner
  const bucketFor = compileBucket(rollout.hash.salt)
  const { issuedAt, maxAgeMs = Number.POSITIVE_INFINITY } = rollout
  const choose = compileChoice(rollout)
  const stageAt = compileStages(rollout)
  const place = compilePlace(rollout)
  const keeps = rollout.onShrink !== 'handover'

  return (input) => {
    const bucket = bucketFor(input.subject.id)
    const begun = stageAt(input.now)
    const stale = input.now - issuedAt > maxAgeMs
    const choice = choose(input)
    const placed = place(input, begun, bucket, stale)
    const stopped = rollout.kill ? 'KILLED' : input.rolledBack ? 'ROLLED_BACK' : null
    const kept = keeps && input.owner === 'refactored' ? 'KEPT' : null
    const reason = stopped ?? choice ?? kept ?? placed
    const decision: Decision = {
      engine: engineOf(reason, input.override),
      reason,
      // A device that was killed, rolled back or kept stays in the arm that it was drawn into.
      arm: choice ? 'none' : ARMS[placed],
      rollout: rollout.rollout,
      version: rollout.version,
      stage: begun ? begun.stage.name : null,
      share: begun ? begun.stage.share : null,
      bucket,
      cached: input.cached,
      stale,
      explain: () => explain(rollout, decision),
    }
    return decision
  }
}

function keepOwner(input: DecisionInput): Decision {
  const decision: Decision = {
    engine: input.owner,
    reason: 'NO_ROLLOUT',
    arm: 'none',
    rollout: null,
    version: null,
    stage: null,
    share: null,
    bucket: null,
    cached: false,
    stale: false,
    explain: () => explain(null, decision),
  }
  return decision
}

function engineOf(reason: Reason, override: EngineName | null): EngineName {
  if (reason === 'OVERRIDDEN' && override) return override
  return REFACTORED.has(reason) ? 'refactored' : 'legacy'
}

function compileChoice(rollout: Rollout): (input: DecisionInput) => Choice | null {
  const { optIn = true, optOut = true } = rollout.preference ?? {}
  const deny = new Set(rollout.deny)
  const allow = new Set(rollout.allow)
  return ({ supported, owner, override, subject, preference }) => {
    if (!supported && owner === 'legacy') return 'UNSUPPORTED'
    if (override) return 'OVERRIDDEN'
    if (deny.has(subject.id)) return 'DENIED'
    if (optOut && preference === 'legacy') return 'OPTED_OUT'
    if (allow.has(subject.id)) return 'ALLOWED'
    return optIn && preference === 'refactored' ? 'OPTED_IN' : null
  }
}

/** Until the active stage begins, the last one before it that has begun is in force. */
function compileStages(rollout: Rollout): (now: number) => Begun | null {
  const active = rollout.stages.findIndex((stage) => stage.name === rollout.stage)
  const stages = rollout.stages
    .slice(0, active + 1)
    .reverse()
    .map((stage) => ({
      stage,
      limit: limitOf(stage.share),
      target: compileTarget(rollout, stage),
    }))
  return (now) => {
    for (const begun of stages) if ((begun.stage.startAt ?? 0) <= now) return begun
    return null
  }
}

function compilePlace(
  rollout: Rollout,
): (input: DecisionInput, begun: Begun | null, bucket: number, stale: boolean) => Place {
  const heldOut = limitOf(rollout.holdout ?? 0)
  const holdoutFor = compileBucket(`${rollout.hash.salt}/holdout`)
  const held = rollout.admit === 'held'
  const heldWhenStale = rollout.onExpired === 'hold'
  return ({ subject, owner, now }, begun, bucket, stale) => {
    if (heldOut && holdoutFor(subject.id) < heldOut) return 'HELD_OUT'
    if (!begun) return 'BEFORE_FIRST_STAGE'
    if (begun.target && !begun.target(subject.attributes, now)) return 'NOT_TARGETED'
    if ((held || (stale && heldWhenStale)) && owner === 'legacy') return 'NOT_ADMITTED'
    return bucket < begun.limit ? 'IN_SHARE' : 'OUT_OF_SHARE'
  }
}
