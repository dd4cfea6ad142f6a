import {
  type Check,
  isBoolean,
  isList,
  isOneOf,
  isRecord,
  isText,
  satisfies,
} from '../lib/check.js'
import { compilePattern } from '../lib/pattern.js'
import { parseSemver } from '../lib/semver.js'
import { type Constraint, OPERATORS } from '../model/rollout.js'

const MAX_VALUES = 10_000

const isShape = isRecord(
  { attribute: isText, operator: isOneOf(...OPERATORS) },
  { inverted: isBoolean, caseInsensitive: isBoolean },
)

const hasValues = isRecord({ values: isList(isText, MAX_VALUES) })

const isNumeric = satisfies(
  'a text with a decimal number',
  (value) => typeof value === 'string' && /^-?\d{1,15}(\.\d{1,15})?$/.test(value),
)

const isDate = satisfies(
  'a text with a date and time of ISO 8601',
  (value) =>
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(value) &&
    // biome-ignore lint/style/noRestrictedGlobals: reading a date asks no clock
    !Number.isNaN(Date.parse(value)),
)

const isVersion = satisfies(
  'a text with a version of Semantic Versioning',
  (value) => typeof value === 'string' && parseSemver(value) !== null,
)

const isPattern = satisfies(
  'a regular expression of at most 256 characters, without look-around, back references or nested repeats',
  (value) => typeof value === 'string' && compilePattern(value, false) !== null,
)

/** The shape of the operator's operand depends on the operator. */
function operandOf(operator: Constraint['operator']): Check {
  if (operator.endsWith('IN') || operator.startsWith('STR_')) return hasValues
  if (operator.startsWith('NUM_')) return isRecord({ value: isNumeric })
  if (operator.startsWith('DATE_')) return isRecord({ value: isDate })
  return isRecord({ value: operator === 'REGEX' ? isPattern : isVersion })
}

export const isConstraint: Check = (value, path) =>
  isShape(value, path) ?? operandOf((value as Constraint).operator)(value, path)
