import { describe, expect, test } from 'vitest'
import { compileConstraint } from '../../src/decision/condition.js'
import type { AttributeValue } from '../../src/model/decision.js'
import type { Constraint, Operator } from '../../src/model/rollout.js'

const NOW = Date.parse('2026-01-31T12:00:00Z')

function holds(constraint: Partial<Constraint>, value?: AttributeValue): boolean {
  const test = compileConstraint({ attribute: 'x', operator: 'IN', ...constraint })
  return test(value === undefined ? {} : { x: value }, NOW)
}

describe('a constraint', () => {
  test.each<[Operator, string, AttributeValue, boolean]>([
    ['NUM_EQ', '12', '12.0', true],
    ['NUM_EQ', '12', 12, true],
    ['NUM_EQ', '12', 13, false],
    ['NUM_GT', '12', 12, false],
    ['NUM_GTE', '12', 12, true],
    ['NUM_LT', '12', 12, false],
    ['NUM_LTE', '12', '12', true],
    ['NUM_LT', '12', '', false],
    ['NUM_LT', '12', true, false],
    ['NUM_LT', '12', 'few', false],
    ['DATE_AFTER', '2026-01-01T00:00:00Z', '2026-01-01T00:00:01+00:00', true],
    ['DATE_AFTER', '2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:00:00Z'), false],
    ['DATE_BEFORE', '2026-01-01T00:00:00Z', '2025-12-31T23:59:59Z', true],
    ['DATE_BEFORE', '2026-01-01T00:00:00Z', 'soon', false],
    ['SEMVER_EQ', '1.2.3', '1.2.3+build', true],
    ['SEMVER_GT', '1.2.3-rc.1', '1.2.3', true],
    ['SEMVER_GTE', '1.2.3', '1.2.3', true],
    ['SEMVER_LT', '1.10.0', '1.9.0', true],
    ['SEMVER_LTE', '1.2.3', '1.2.4', false],
    ['SEMVER_LT', '1.2.3', '1.2', false],
    ['REGEX', '^a+$', 'aaa', true],
    ['REGEX', '^a+$', 'a'.repeat(1_025), false],
  ])('%s %s of %j is %s', (operator, value, given, answer) => {
    expect(holds({ operator, value }, given)).toBe(answer)
    expect(holds({ operator, value, inverted: true }, given)).toBe(!answer)
  })

  test.each<[Operator, readonly string[], AttributeValue, boolean]>([
    ['IN', ['nl', 'de'], 'de', true],
    ['IN', ['nl'], 'NL', false],
    ['IN', [' nl ', ''], 'nl', true],
    ['IN', [''], '', false],
    ['IN', ['7', 'true'], 7, true],
    ['IN', ['7', 'true'], true, true],
    ['NOT_IN', ['nl'], 'de', true],
    ['NOT_IN', ['nl'], 'nl', false],
    ['STR_CONTAINS', ['a', 'b'], 'xbx', true],
    ['STR_STARTS_WITH', ['b'], 'xbx', false],
    ['STR_ENDS_WITH', ['bx'], 'xbx', true],
  ])('%s %j of %j is %s', (operator, values, given, answer) => {
    expect(holds({ operator, values }, given)).toBe(answer)
  })

  test('ignores case only where it says so', () => {
    for (const operator of ['STR_CONTAINS', 'STR_STARTS_WITH', 'STR_ENDS_WITH'] as const) {
      expect(holds({ operator, values: ['PRO'] }, 'pro')).toBe(false)
      expect(holds({ operator, values: ['PRO'], caseInsensitive: true }, 'pro')).toBe(true)
    }
    expect(holds({ operator: 'REGEX', value: '^PRO$', caseInsensitive: true }, 'pro')).toBe(true)
  })

  test('holds for a list when it holds for a member', () => {
    expect(holds({ values: ['b'] }, ['a', 'b'])).toBe(true)
    expect(holds({ operator: 'NOT_IN', values: ['b'] }, ['a', 'b'])).toBe(false)
    expect(holds({ values: ['b'] }, [])).toBe(false)
  })

  test('takes an absent attribute for no value, so that only what is negated holds', () => {
    for (const absent of [undefined, null]) {
      expect(holds({ values: ['null', 'undefined'] }, absent)).toBe(false)
      expect(holds({ operator: 'NOT_IN', values: ['a'] }, absent)).toBe(true)
      expect(holds({ operator: 'NUM_LT', value: '1', inverted: true }, absent)).toBe(true)
      expect(holds({ operator: 'NUM_GT', value: '1' }, absent)).toBe(false)
    }
    const test = compileConstraint({ attribute: 'x', operator: 'IN', values: ['a'] })
    expect(test(undefined, NOW)).toBe(false)
  })

  test('sees no inherited members and no objects', () => {
    const test = (attribute: string, values: string[]) =>
      compileConstraint({ attribute, operator: 'IN', values })
    expect(test('constructor', [String(Object)])({}, NOW)).toBe(false)
    expect(test('x', ['[object Object]'])({ x: {} as never }, NOW)).toBe(false)
  })

  test('on currentTime asks for the instant of the decision, unless the subject brings one', () => {
    const test = compileConstraint({
      attribute: 'currentTime',
      operator: 'DATE_AFTER',
      value: '2026-01-31T11:59:59Z',
    })
    expect(test({}, NOW)).toBe(true)
    expect(test({}, NOW - 1_000)).toBe(false)
    expect(test({ currentTime: '2026-01-01T00:00:00Z' }, NOW)).toBe(false)
  })

  test.each<Partial<Constraint>>([
    { operator: 'NEAR' as never, values: ['a'] },
    { operator: 'NUM_EQ', value: 'x' },
    { operator: 'NUM_EQ' },
    { operator: 'DATE_AFTER', value: 'x' },
    { operator: 'SEMVER_EQ', value: '1' },
    { operator: 'REGEX', value: '(' },
  ])('that can not be understood holds for nobody, inverted or not: %j', (constraint) => {
    expect(holds(constraint, 'a')).toBe(false)
    expect(holds({ ...constraint, inverted: true }, 'a')).toBe(false)
  })
})
