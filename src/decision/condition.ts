import { readInstant } from '../lib/instant.js'
import { compilePattern } from '../lib/pattern.js'
import { compareSemver, parseSemver } from '../lib/semver.js'
import type { Subject } from '../model/decision.js'
import type { Constraint } from '../model/rollout.js'

type Attributes = Subject['attributes']

/** Whether the attributes of a subject satisfy something, at an instant. */
export type Test = (attributes: Attributes, now: number) => boolean

type Scalar = string | number | boolean
type ScalarTest = (value: Scalar) => boolean

type OrderTest = (order: number) => boolean
type TextTest = (text: string, part: string) => boolean

const ORDERS: Readonly<Record<string, OrderTest>> = {
  EQ: (order) => order === 0,
  GT: (order) => order > 0,
  GTE: (order) => order >= 0,
  LT: (order) => order < 0,
  LTE: (order) => order <= 0,
  AFTER: (order) => order > 0,
  BEFORE: (order) => order < 0,
}

const TEXTS: Readonly<Record<string, TextTest>> = {
  CONTAINS: (text, part) => text.includes(part),
  STARTS_WITH: (text, part) => text.startsWith(part),
  ENDS_WITH: (text, part) => text.endsWith(part),
}

const NUMBERS: Readonly<Record<string, (value: Scalar) => number>> = {
  NUM: toNumber,
  DATE: toInstant,
}

/** The attribute that stands for the instant of the decision where the subject has none of that name. */
const NOW = 'currentTime'

const LONGEST_MATCHED = 1_024

/** Turns one constraint into a function. What can't be understood matches nobody, inverted or not. */
export function compileConstraint(constraint: Constraint): Test {
  const { attribute, operator } = constraint
  const isList = operator === 'IN' || operator === 'NOT_IN'
  const holds = isList ? compileList(constraint) : compileOperator(constraint)
  if (!holds) return () => false
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

function compileList(constraint: Constraint): ScalarTest {
  const listed = valuesOf(constraint)
  return (value) => listed.has(typeof value === 'string' ? value : String(value))
}

function valuesOf({ values = [] }: Constraint): Set<string> {
  const listed = new Set(values.map(trim))
  listed.delete('')
  return listed
}

function trim(value: string): string {
  return value.trim()
}

function compileOperator(constraint: Constraint): ScalarTest | null {
  const { operator, value = '' } = constraint
  if (operator === 'REGEX') return compileRegex(constraint)
  const at = operator.indexOf('_')
  const [kind, relation] = [operator.slice(0, at), operator.slice(at + 1)]
  if (kind === 'STR') {
    const matches = TEXTS[relation]
    return matches ? compileText(constraint, matches) : null
  }
  const accepts = ORDERS[relation]
  if (!accepts) return null
  if (kind === 'SEMVER') return compileVersion(value, accepts)
  const read = NUMBERS[kind]
  return read ? compileOrder(read, value, accepts) : null
}

function compileText(constraint: Constraint, matches: TextTest): ScalarTest {
  const fold = constraint.caseInsensitive
    ? (value: Scalar) => String(value).toLowerCase()
    : (value: Scalar) => String(value)
  const parts = [...valuesOf(constraint)].map(fold)
  return (value) => {
    const text = fold(value)
    return parts.some((part) => matches(text, part))
  }
}

/** Compares as numbers; what is no number is in no order to any. */
function compileOrder(
  read: (value: Scalar) => number,
  bound: string,
  accepts: OrderTest,
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
  return typeof value === 'number' ? value : readInstant(String(value))
}

function compileVersion(bound: string, accepts: OrderTest): ScalarTest | null {
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
