import { type Decision, type Explained, REASONS, type Reason } from '../model/decision.js'
import type { Rollout } from '../model/rollout.js'
import { limitOf } from './bucket.js'

/** What every rule up to the deciding one answered: all of them no, the last one yes. */
export function explain(rollout: Rollout | null, decision: Decision): readonly Explained[] {
  const last = REASONS.indexOf(decision.reason)
  return REASONS.slice(0, last + 1).map((rule) => {
    const detail = detailOf(rule, rollout, decision)
    return { rule, answer: rule === decision.reason, ...(detail && { detail }) }
  })
}

function detailOf(rule: Reason, rollout: Rollout | null, decision: Decision): string | undefined {
  if (!rollout) return undefined
  const { stage, share, bucket } = decision
  switch (rule) {
    case 'HELD_OUT':
      return `holdout ${rollout.holdout ?? 0} of 100000`
    case 'BEFORE_FIRST_STAGE':
      return `stage ${stage ?? rollout.stage ?? 'none'}`
    case 'NOT_TARGETED':
      return `where ${rollout.stages.find(({ name }) => name === stage)?.where?.join(' or ') || 'everybody'}`
    case 'NOT_ADMITTED':
      return `admit ${rollout.admit ?? 'open'}, ${decision.stale ? 'stale' : 'fresh'}`
    case 'IN_SHARE':
    case 'OUT_OF_SHARE':
      return `bucket ${bucket}, share ${share} ends at ${limitOf(share ?? 0)}`
    default:
      return undefined
  }
}
