import { describe, expect, test } from 'vitest'
import { compilePattern } from '../../src/lib/pattern.js'

const matches = (pattern: string, text: string): boolean | undefined =>
  compilePattern(pattern, false)?.test(text)

describe('a pattern', () => {
  test.each([
    ['^[[:alpha:]_]+$', 'ab_c', 'ab1'],
    ['^[[:digit:]]{2}$', '12', '1a'],
    ['(?i)^abc$', 'aBc', 'abcd'],
    ['^(?i)abc$', 'ABC', 'abx'],
    ['(?ms)^a.b$', 'x\na\nb', 'a-c'],
    ['^(?:ab)+$', 'abab', 'aba'],
    ['^\\(a\\)$', '(a)', 'a'],
    ['^[(?]$', '?', 'a'],
    ['^a\\\\1$', 'a\\1', 'aa'],
  ])('%s takes %j and not %j', (pattern, yes, no) => {
    expect([matches(pattern, yes), matches(pattern, no)]).toEqual([true, false])
  })

  test.each([
    '(a',
    '[a',
    'a**',
    '(?=a)b',
    '(?!a)b',
    '(?<=a)b',
    '(?<n>a)',
    '(a)\\1',
    '(?<n>a)\\k<n>',
    'a(?i)b',
    '(a+)+$',
    '(a|a)*$',
    '(?:a*){2,}',
    'x'.repeat(257),
  ])('%s is none', (pattern) => {
    expect(compilePattern(pattern, false)).toBeNull()
  })

  test('of 256 characters is one, counted as people count', () => {
    expect(matches('🎉'.repeat(256), '🎉'.repeat(256))).toBe(true)
  })
})
