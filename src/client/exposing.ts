import type { Arm, Decision } from '../model/decision.js'
import type { ControlConnection } from '../store/control.js'
import type { Assignment } from './assignment.js'
import type { Emitter } from './events.js'
import { settleArm } from './profile.js'
import type { Presence } from './state.js'
import type { Voice } from './voice.js'

export interface ExposingOptions {
  control: ControlConnection | null
  assignment: Assignment
  emitter: Emitter
  state: Presence
  voice: Voice
  report(cause: unknown): void
}

/** Makes a decision this session's, and tells it with the arm that the profile was drawn into. */
export function createExposing(o: ExposingOptions): (decision: Decision) => void {
  return (decision) => {
    o.assignment.hold(decision)
    o.emitter.emit('decided', decision)
    const { rollout, stage, arm } = decision
    const tell = (drawn: Arm) => {
      o.assignment.setArm({ rollout, stage, arm: drawn })
      o.state.onceSettled(() =>
        o.voice.say({ about: 'decision', decision: { ...decision, arm: drawn } }),
      )
    }
    if (rollout === null || stage === null) tell(arm)
    else settleArm(o.control, rollout, stage, arm).then(tell, o.report)
  }
}
