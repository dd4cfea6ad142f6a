import { compilePattern } from '../lib/pattern.js'
import { compareSemver, parseSemver } from '../lib/semver.js'
import type { Subject } from '../model/decision.js'
import type { Constraint } from '../model/rollout.js'

export type Attributes = Subject['attributes']

/** Whether the attributes of a subject satisfy something, at an instant. */
export type Test = (attributes: Attributes, now: number) => boolean

type Scalar = string | number | boolean
type ScalarTest = (value: Scalar) => boolean

/** The attribute that stands for the instant of the decision where the subject has none of that name. */
const NOW = 'currentTime'

const LONGEST_MATCHED = 1_024

/** Turns one constraint into a function. What can't be understood matches nobody, inverted or not. */
export function compileConstraint(constraint: Constraint): Test {
  const holds = compileOperator(constraint)
  if (!holds) return () => false
  const { attribute, operator } = constraint
  const negated = (constraint.inverted ?? false) !== (operator === 'NOT_IN')
  return (attributes, now) => {
    const value = attributes?.[attribute] ?? (attribute === NOW ? now : null)
    const answer =
      typeof value === 'string' ? holds(value) : value !== null && holdsFor(holds, value)
    return answer !== negated
  }
}

/** A list holds when one of its members does; whatever else is in the attributes counts as absent. */
function holdsFor(holds: ScalarTest, value: unknown): boolean {
  if (Array.isArray(value)) return value.some((member) => isScalar(member) && holds(member))
  return isScalar(value) && holds(value)
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function compileOperator(constraint: Constraint): ScalarTest | null {
  const { operator, value = '' } = constraint
  switch (operator) {
    case 'IN':
    case 'NOT_IN':
      return compileList(constraint)
    case 'STR_CONTAINS':
      return compileText(constraint, (text, part) => text.includes(part))
    case 'STR_STARTS_WITH':
      return compileText(constraint, (text, part) => text.startsWith(part))
    case 'STR_ENDS_WITH':
      return compileText(constraint, (text, part) => text.endsWith(part))
    case 'NUM_EQ':
      return compileOrder(toNumber, value, (order) => order === 0)
    case 'NUM_GT':
      return compileOrder(toNumber, value, (order) => order > 0)
    case 'NUM_GTE':
      return compileOrder(toNumber, value, (order) => order >= 0)
    case 'NUM_LT':
      return compileOrder(toNumber, value, (order) => order < 0)
    case 'NUM_LTE':
      return compileOrder(toNumber, value, (order) => order <= 0)
    case 'DATE_AFTER':
      return compileOrder(toInstant, value, (order) => order > 0)
    case 'DATE_BEFORE':
      return compileOrder(toInstant, value, (order) => order < 0)
    case 'SEMVER_EQ':
      return compileVersion(value, (order) => order === 0)
    case 'SEMVER_GT':
      return compileVersion(value, (order) => order > 0)
    case 'SEMVER_GTE':
      return compileVersion(value, (order) => order >= 0)
    case 'SEMVER_LT':
      return compileVersion(value, (order) => order < 0)
    case 'SEMVER_LTE':
      return compileVersion(value, (order) => order <= 0)
    case 'REGEX':
      return compileRegex(constraint)
    default:
      return null
  }
}

function valuesOf(constraint: Constraint): string[] {
  return (constraint.values ?? []).map((value) => value.trim()).filter((value) => value !== '')
}

function compileList(constraint: Constraint): ScalarTest {
  const listed = new Set(valuesOf(constraint))
  return (value) => listed.has(typeof value === 'string' ? value : String(value))
}

function compileText(
  constraint: Constraint,
  matches: (text: string, part: string) => boolean,
): ScalarTest {
  const fold = constraint.caseInsensitive
    ? (value: Scalar) => String(value).toLowerCase()
    : (value: Scalar) => String(value)
  const parts = valuesOf(constraint).map(fold)
  return (value) => {
    const text = fold(value)
    return parts.some((part) => matches(text, part))
  }
}

/** Compares as numbers; what is no number is in no order to any. */
function compileOrder(
  read: (value: Scalar) => number,
  bound: string,
  accepts: (order: number) => boolean,
): ScalarTest | null {
  const limit = read(bound)
  return Number.isNaN(limit) ? null : (value) => accepts(read(value) - limit)
}

function toNumber(value: Scalar): number {
  if (typeof value === 'number') return value
  const text = String(value).trim()
  return text === '' ? Number.NaN : Number(text)
}

function toInstant(value: Scalar): number {
  // biome-ignore lint/style/noRestrictedGlobals: reading a date asks no clock
  return typeof value === 'number' ? value : Date.parse(String(value))
}

function compileVersion(bound: string, accepts: (order: number) => boolean): ScalarTest | null {
  const limit = parseSemver(bound)
  if (!limit) return null
  return (value) => {
    const version = parseSemver(String(value))
    return version !== null && accepts(compareSemver(version, limit))
  }
}

function compileRegex({ value = '', caseInsensitive = false }: Constraint): ScalarTest | null {
  const pattern = compilePattern(value, caseInsensitive)
  if (!pattern) return null
  return (value) => {
    const text = String(value)
    return text.length <= LONGEST_MATCHED && pattern.test(text)
  }
}
