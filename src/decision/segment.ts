import type { Subject } from '../model/decision.js'
import type { Rollout, Segment, Stage } from '../model/rollout.js'
import { compileConstraint, type Test } from './condition.js'

/** Of one segment. */
type Tests = readonly Test[]

/** A stage targets whom one of its segments holds; without segments, everybody: `null`. */
export function compileTarget({ segments = [] }: Rollout, { where = [] }: Stage): Test | null {
  if (where.length === 0) return null
  const targeted: Tests[] = []
  for (let at = 0; at < segments.length; at++) {
    const { name, constraints } = segments[at] as Segment
    if (where.includes(name)) targeted.push(constraints.map(compileConstraint))
  }
  return (attributes, now) => {
    for (let at = 0; at < targeted.length; at++) {
      if (isIn(targeted[at] as Tests, attributes, now)) return true
    }
    return false
  }
}

/** A subject is in a segment when all its constraints hold. */
function isIn(tests: Tests, attributes: Subject['attributes'], now: number): boolean {
  for (let at = 0; at < tests.length; at++) if (!tests[at]?.(attributes, now)) return false
  return true
}
