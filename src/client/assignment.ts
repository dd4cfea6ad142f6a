import { compileRollout } from '../decision/decide.js'
import type { Arm, Decision, DecisionInput, Subject } from '../model/decision.js'
import type { EngineName } from '../model/operation.js'
import type { Rollout } from '../model/rollout.js'

/** The newest rollout and what it means here; the session's own decision stays what it was. */
export interface Assignment {
  take(rollout: Rollout | null, cached: boolean): void
  /** What the rollout assigns to a profile of this owner, now. */
  decide(owner: EngineName): Decision
  /** This session's decision, once taken. */
  present(): Decision | null
  hold(decision: Decision): void
  /** The arm that this profile was drawn into, where it was before. */
  setArm(arm: Arm): void
}

export interface AssignmentInput {
  subject(): Subject
  now(): number
  preference(): EngineName | null
  supported: boolean
  override: EngineName | null
}

export function createAssignment(o: AssignmentInput): Assignment {
  let evaluate = compileRollout(null)
  let cached = false
  let present: Decision | null = null
  let drawn: Arm | null = null
  const toInput = (owner: EngineName): DecisionInput => ({
    subject: o.subject(),
    now: o.now(),
    owner,
    preference: o.preference(),
    rolledBack: false,
    supported: o.supported,
    override: o.override,
    cached,
  })
  return {
    take(rollout, isCached) {
      evaluate = compileRollout(rollout)
      cached = isCached
    },
    decide(owner) {
      const decision = evaluate(toInput(owner))
      return drawn === null ? decision : { ...decision, arm: drawn }
    },
    present: () => present,
    hold(decision) {
      present = decision
    },
    setArm(arm) {
      drawn = arm
      if (present) present = { ...present, arm }
    },
  }
}
