import type { Arm, Decision, DecisionInput, Reason } from '../model/decision.js'
import type { Rollout, Stage } from '../model/rollout.js'
import { bucketOf, limitOf } from './bucket.js'
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

/** What is worked out once a rollout. */
interface Plan {
  rollout: Rollout
  deny: ReadonlySet<string>
  allow: ReadonlySet<string>
  /** The stages that may be in force, the active one first. */
  stages: readonly Begun[]
  /** The first bucket outside of the holdout. */
  heldOut: number
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
  const plan: Plan = {
    rollout,
    deny: new Set(rollout.deny),
    allow: new Set(rollout.allow),
    stages: compileStages(rollout),
    heldOut: limitOf(rollout.holdout ?? 0),
  }
  return decideBy.bind(null, plan)
}

function decideBy(plan: Plan, input: DecisionInput): Decision {
  const { rollout } = plan
  const bucket = bucketOf(rollout.hash.salt, input.subject.id)
  const begun = findBegun(plan.stages, input.now)
  const stale = input.now - rollout.issuedAt > (rollout.maxAgeMs ?? Number.POSITIVE_INFINITY)
  const choice = choose(plan, input)
  const placed = place(plan, input, begun, bucket, stale)
  const stopped = rollout.kill ? 'KILLED' : input.rolledBack ? 'ROLLED_BACK' : null
  const keeps = rollout.onShrink !== 'handover' && input.owner === 'refactored'
  const reason = stopped ?? choice ?? (keeps ? 'KEPT' : placed)
  const decision: Decision = {
    engine:
      (reason === 'OVERRIDDEN' && input.override) ||
      (REFACTORED.has(reason) ? 'refactored' : 'legacy'),
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

function choose({ rollout, deny, allow }: Plan, input: DecisionInput): Choice | null {
  const { optIn = true, optOut = true } = rollout.preference ?? {}
  const { id } = input.subject
  if (!input.supported && input.owner === 'legacy') return 'UNSUPPORTED'
  if (input.override) return 'OVERRIDDEN'
  if (deny.has(id)) return 'DENIED'
  if (optOut && input.preference === 'legacy') return 'OPTED_OUT'
  if (allow.has(id)) return 'ALLOWED'
  return optIn && input.preference === 'refactored' ? 'OPTED_IN' : null
}

/** Until the active stage begins, the last one before it that has begun is in force. */
function compileStages(rollout: Rollout): readonly Begun[] {
  const begun: Begun[] = []
  let isInPlan = false
  for (let at = rollout.stages.length - 1; at >= 0; at--) {
    const stage = rollout.stages[at] as Stage
    isInPlan ||= stage.name === rollout.stage
    if (!isInPlan) continue
    begun.push({ stage, limit: limitOf(stage.share), target: compileTarget(rollout, stage) })
    // It has always begun, so that none before it is ever in force.
    if (!stage.startAt) break
  }
  return begun
}

function findBegun(stages: readonly Begun[], now: number): Begun | null {
  for (let at = 0; at < stages.length; at++) {
    const begun = stages[at] as Begun
    if ((begun.stage.startAt ?? 0) <= now) return begun
  }
  return null
}

function place(
  { rollout, heldOut }: Plan,
  { subject, owner, now }: DecisionInput,
  begun: Begun | null,
  bucket: number,
  stale: boolean,
): Place {
  if (heldOut && bucketOf(`${rollout.hash.salt}/holdout`, subject.id) < heldOut) return 'HELD_OUT'
  if (!begun) return 'BEFORE_FIRST_STAGE'
  if (begun.target && !begun.target(subject.attributes, now)) return 'NOT_TARGETED'
  const isHeld = rollout.admit === 'held' || (stale && rollout.onExpired === 'hold')
  if (isHeld && owner === 'legacy') return 'NOT_ADMITTED'
  return bucket < begun.limit ? 'IN_SHARE' : 'OUT_OF_SHARE'
}
