import type { DecisionInput, Reason, Subject } from '../model/decision.js'
import { REASONS } from '../model/decision.js'
import type { Rollout, Stage } from '../model/rollout.js'
import { compileRollout } from './decide.js'
import { type Representation, representationOf } from './representation.js'

/** What a rollout does to a list of subjects. */
export interface Simulation {
  subjects: number
  refactored: number
  reasons: Readonly<Record<Reason, number>>
  /** Each stage of the plan, as if it were the active one and nothing held it. */
  stages: readonly SimulatedStage[]
  /** Each attribute: whether those on refactored stand for all subjects. */
  attributes: readonly Representation[]
}

export interface SimulatedStage {
  name: string
  share: number
  refactored: number
  /** Enough subjects to certify an error rate below 0.5 %. */
  certifiable: boolean
  /** The smallest error rate, in percent, that this many subjects show in 95 of 100 cases; `null` for too few. */
  detectable: number | null
}

/** Clients without an error that are needed to certify less than 0.5 %. */
const CERTIFIABLE = 1_000

/** Clients an arm that show an error rate in 95 of 100 cases, however the errors cluster. */
const DETECTABLE: readonly { clients: number; percent: number }[] = [
  { clients: 3_000, percent: 1 },
  { clients: 1_500, percent: 1.5 },
  { clients: 750, percent: 2 },
  { clients: 200, percent: 5 },
]

/**
 * Decides about many subjects as if each came for the first time: on legacy, without a preference, on a device that can run
 * both engines. Counts the reasons, looks ahead at every stage, and tests whether the cohort stands for all.
 *
 * @example
 * simulate(rollout, subjects, Date.now()).stages.filter((stage) => !stage.certifiable)
 */
export function simulate(rollout: Rollout, subjects: readonly Subject[], now: number): Simulation {
  const decisions = decideAll(rollout, subjects, now)
  const reasons = Object.fromEntries(REASONS.map((reason) => [reason, 0])) as Record<Reason, number>
  for (const { reason } of decisions) reasons[reason] += 1
  const drawn = decisions.map(({ engine }) => engine === 'refactored')
  return {
    subjects: subjects.length,
    refactored: count(drawn),
    reasons,
    stages: rollout.stages.map((stage) => simulateStage(rollout, stage, subjects, now)),
    attributes: representationOf(subjects, drawn),
  }
}

function decideAll(rollout: Rollout, subjects: readonly Subject[], now: number) {
  const decide = compileRollout(rollout)
  return subjects.map((subject) => {
    const input: DecisionInput = {
      subject,
      now,
      owner: 'legacy',
      preference: null,
      rolledBack: false,
      supported: true,
      override: null,
      cached: false,
    }
    return decide(input)
  })
}

function simulateStage(
  rollout: Rollout,
  stage: Stage,
  subjects: readonly Subject[],
  now: number,
): SimulatedStage {
  const begun: Rollout = {
    ...rollout,
    kill: false,
    admit: 'open',
    onExpired: 'keep',
    stage: stage.name,
    stages: [{ ...stage, startAt: 0 }],
  }
  const decisions = decideAll(begun, subjects, now)
  const refactored = count(decisions.map(({ engine }) => engine === 'refactored'))
  return {
    name: stage.name,
    share: stage.share,
    refactored,
    certifiable: refactored >= CERTIFIABLE,
    detectable: DETECTABLE.find(({ clients }) => refactored >= clients)?.percent ?? null,
  }
}

function count(flags: readonly boolean[]): number {
  return flags.filter(Boolean).length
}
