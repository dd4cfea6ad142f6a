import { findWrong, type Shape, type Wrong } from '../lib/check.js'
import { readInstant } from '../lib/instant.js'
import { compilePattern } from '../lib/pattern.js'
import { parseSemver } from '../lib/semver.js'
import { type Constraint, OPERATORS, type Operator } from '../model/rollout.js'

const VALUES: Shape = {
  is: 'record',
  has: { values: { is: 'list', of: 'text', most: 10_000 } },
}
const NUMBER = /* @__PURE__ */ hasValue('a text with a decimal number', isNumeric)
const DATE = /* @__PURE__ */ hasValue('a text with a date and time of ISO 8601', isDate)
const VERSION = /* @__PURE__ */ hasValue('a text with a version of Semantic Versioning', isVersion)
const PATTERN = /* @__PURE__ */ hasValue(
  'a regular expression of at most 256 characters, without look-around, back references or nested repeats',
  isPattern,
)

/** The shape of the operand depends on the operator. */
const OPERANDS: Readonly<Record<Operator, Shape>> = {
  IN: VALUES,
  NOT_IN: VALUES,
  STR_CONTAINS: VALUES,
  STR_STARTS_WITH: VALUES,
  STR_ENDS_WITH: VALUES,
  NUM_EQ: NUMBER,
  NUM_GT: NUMBER,
  NUM_GTE: NUMBER,
  NUM_LT: NUMBER,
  NUM_LTE: NUMBER,
  DATE_AFTER: DATE,
  DATE_BEFORE: DATE,
  SEMVER_EQ: VERSION,
  SEMVER_GT: VERSION,
  SEMVER_GTE: VERSION,
  SEMVER_LT: VERSION,
  SEMVER_LTE: VERSION,
  REGEX: PATTERN,
}

const CONSTRAINT: Shape = {
  is: 'record',
  has: { attribute: 'text', operator: { is: 'one', of: OPERATORS } },
  may: { inverted: 'flag', caseInsensitive: 'flag' },
}

export const SEGMENT: Shape = {
  is: 'record',
  has: { name: 'text', constraints: { is: 'list', of: findWrongConstraint, most: 100 } },
}

function findWrongConstraint(value: unknown): Wrong | null {
  return findWrong(CONSTRAINT, value) ?? findWrong(OPERANDS[(value as Constraint).operator], value)
}

function hasValue(want: string, is: (text: string) => boolean): Shape {
  const that = (value: unknown) => typeof value === 'string' && is(value)
  return { is: 'record', has: { value: { is: 'such', want, that } } }
}

function isNumeric(text: string): boolean {
  return /^-?\d{1,15}(\.\d{1,15})?$/.test(text)
}

function isVersion(text: string): boolean {
  return parseSemver(text) !== null
}

function isPattern(text: string): boolean {
  return compilePattern(text, false) !== null
}

function isDate(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text) &&
    !Number.isNaN(readInstant(text))
  )
}
