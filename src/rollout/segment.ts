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

export function checkSegment(): Check {
  return isRecord({ name: isText, constraints: isList(checkConstraint(), 100) })
}

/** The shape of the operand depends on the operator. */
function checkConstraint(): Check {
  const isShape = isRecord(
    { attribute: isText, operator: isOneOf(...OPERATORS) },
    { inverted: isBoolean, caseInsensitive: isBoolean },
  )
  const hasValues = isRecord({ values: isList(isText, MAX_VALUES) })
  const operands: Readonly<Record<string, Check>> = {
    IN: hasValues,
    NOT: hasValues,
    STR: hasValues,
    NUM: hasValue('a text with a decimal number', isNumeric),
    DATE: hasValue('a text with a date and time of ISO 8601', isDate),
    SEMVER: hasValue('a text with a version of Semantic Versioning', isVersion),
    REGEX: hasValue(
      'a regular expression of at most 256 characters, without look-around, back references or nested repeats',
      (text) => compilePattern(text, false) !== null,
    ),
  }
  return (value, path) =>
    isShape(value, path) ??
    operands[(value as Constraint).operator.split('_')[0] ?? '']?.(value, path) ??
    null
}

function hasValue(want: string, is: (text: string) => boolean): Check {
  return isRecord({ value: satisfies(want, (value) => typeof value === 'string' && is(value)) })
}

function isNumeric(text: string): boolean {
  return /^-?\d{1,15}(\.\d{1,15})?$/.test(text)
}

function isVersion(text: string): boolean {
  return parseSemver(text) !== null
}

function isDate(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(text) &&
    // biome-ignore lint/style/noRestrictedGlobals: reading a date asks no clock
    !Number.isNaN(Date.parse(text))
  )
}
