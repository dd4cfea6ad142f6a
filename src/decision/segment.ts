import type { Rollout, Segment, Stage } from '../model/rollout.js'
import { compileConstraint, type Test } from './condition.js'

/** A subject is in a segment when all its constraints hold. */
function compileSegment(segment: Segment): Test {
  const tests = segment.constraints.map(compileConstraint)
  return (attributes, now) => {
    for (const test of tests) if (!test(attributes, now)) return false
    return true
  }
}

/** A stage targets whom one of its segments holds; without segments, everybody: `null`. */
export function compileTarget(rollout: Rollout, stage: Stage): Test | null {
  const { where = [] } = stage
  if (where.length === 0) return null
  const tests = (rollout.segments ?? [])
    .filter((segment) => where.includes(segment.name))
    .map(compileSegment)
  return (attributes, now) => {
    for (const test of tests) if (test(attributes, now)) return true
    return false
  }
}
