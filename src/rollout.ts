export { bucketOf, isInShare } from './decision/bucket.js'
export { compileRollout, decide } from './decision/decide.js'
export type { Representation, Stratum } from './decision/representation.js'
export { type SimulatedStage, type Simulation, simulate } from './decision/simulate.js'
export type { Fit, MeanDifference } from './lib/sample.js'
export { type SurveyScore, scoreCsat, scoreNps } from './lib/survey.js'
export type {
  Arm,
  AttributeValue,
  Decision,
  DecisionInput,
  Explained,
  Reason,
  Subject,
} from './model/decision.js'
export type {
  Constraint,
  Operator,
  PlannedSurvey,
  Rollout,
  Segment,
  Stage,
} from './model/rollout.js'
export { parseRollout } from './rollout/schema.js'
export { signRollout } from './rollout/sign.js'
export { verifyEnvelope } from './rollout/verify.js'
