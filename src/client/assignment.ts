import { compileRollout } from '../decision/decide.js'
import type { Arm, Decision, DecisionInput, Subject } from '../model/decision.js'
import type { EngineName } from '../model/operation.js'
import type { Rollout } from '../model/rollout.js'

/** The newest rollout and what it means here; the session's own decision stays what it was. */
export interface Assignment {
  /** A cached one counts only until upstream has confirmed one. */
  take(rollout: Rollout | null, cached: boolean): void
  /** What the rollout assigns to a profile of this owner, now. */
  decide(owner: EngineName): Decision
  /** The newest one. */
  rollout(): Rollout | null
  /** This session's decision, once taken. */
  present(): Decision | null
  hold(decision: Decision): void
  setArm(drawn: Drawn): void
}

/** The arm that this profile was drawn into, at its first exposure in a stage. */
export interface Drawn {
  rollout: string | null
  stage: string | null
  arm: Arm
}

export interface AssignmentInput {
  subject(): Subject
  now(): number
  preference(): EngineName | null
  /** A local rollback is in force under a rollout of this `resetEpoch`. */
  isLatched(epoch: number): boolean
  supported: boolean
  override: EngineName | null
}

export function createAssignment(o: AssignmentInput): Assignment {
  let evaluate = compileRollout(null)
  let newest: Rollout | null = null
  let cached = true
  let present: Decision | null = null
  let drawn: Drawn | null = null
  const draw = (decision: Decision): Decision =>
    drawn && drawn.rollout === decision.rollout && drawn.stage === decision.stage
      ? { ...decision, arm: drawn.arm }
      : decision
  const toInput = (owner: EngineName): DecisionInput => ({
    subject: o.subject(),
    now: o.now(),
    owner,
    preference: o.preference(),
    rolledBack: o.isLatched(newest?.resetEpoch ?? 0),
    supported: o.supported,
    override: o.override,
    cached,
  })
  return {
    take(rollout, isCached) {
      if (isCached && !cached) return
      newest = rollout
      evaluate = compileRollout(rollout)
      cached = isCached
    },
    decide: (owner) => draw(evaluate(toInput(owner))),
    rollout: () => newest,
    present: () => present,
    hold(decision) {
      present = decision
    },
    setArm(arm) {
      drawn = arm
      if (present) present = draw(present)
    },
  }
}
