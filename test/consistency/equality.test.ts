import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findDifferences, isEqual } from '../../src/consistency/equality.js'
import { fingerprint, printHash } from '../../src/consistency/hash.js'
import { compileTable } from '../../src/consistency/rules.js'
import type { TableRules } from '../../src/model/source.js'
import { canon } from './oracle.js'
import { disguise, row, value } from './values.js'

const RULES: TableRules[] = [
  {},
  { ignore: ['a', 'b.*'] },
  { ignore: ['*.c'], unordered: ['list', '*.list'] },
  { unordered: ['*', 'a.*.*'], ignore: ['b.a'] },
  { tombstone: 'a.b', ignore: ['c.0'] },
]

const numRuns = Number(process.env.EQUALITY_RUNS ?? 1_000)

function hashOf(value: unknown, rules: TableRules = {}): string {
  return printHash(fingerprint(value, compileTable(rules, 't').root))
}

describe('equality, hash and difference', { timeout: 30_000 }, () => {
  it('say the same of any two values, and say what a slow canonical text says', () => {
    fc.assert(
      fc.property(row, row, fc.constantFrom(...RULES), (left, right, rules) => {
        const { root } = compileTable(rules, 't')
        const expected = canon(left, rules) === canon(right, rules)
        expect(isEqual(left, right, root)).toBe(expected)
        expect(hashOf(left, rules) === hashOf(right, rules)).toBe(expected)
        expect(findDifferences(left, right, root).length === 0).toBe(expected)
      }),
      { numRuns },
    )
  })

  it('say it of values that differ in one place, too', () => {
    const spot = fc.tuple(row, value, value, fc.constantFrom('a', 'b', 'list', 'x.y'))
    fc.assert(
      fc.property(spot, fc.constantFrom(...RULES), ([base, one, other, name], rules) => {
        const [left, right] = [
          { ...base, [name]: one },
          { ...base, [name]: other },
        ]
        const expected = canon(left, rules) === canon(right, rules)
        expect(isEqual(left, right, compileTable(rules, 't').root)).toBe(expected)
        expect(hashOf(left, rules) === hashOf(right, rules)).toBe(expected)
      }),
      { numRuns },
    )
  })

  it('do not see a change of clothes', () => {
    fc.assert(
      fc.property(row, fc.infiniteStream(fc.nat(1)), (left, turns) => {
        const right = disguise(left, () => turns.next().value as number)
        expect(findDifferences(left, right, null)).toEqual([])
        expect(hashOf(right)).toBe(hashOf(left))
      }),
      { numRuns },
    )
  })

  it('are symmetric, with a tolerance as well', () => {
    const rules = { tolerance: { '*': 0.5, 'list.*': 1 } }
    fc.assert(
      fc.property(row, row, (left, right) => {
        const { root } = compileTable(rules, 't')
        expect(isEqual(left, right, root)).toBe(isEqual(right, left, root))
        if (isEqual(left, right, root)) expect(hashOf(left, rules)).toBe(hashOf(right, rules))
      }),
      { numRuns },
    )
  })
})

describe('two values', () => {
  const cases: [string, unknown, unknown, boolean][] = [
    ['an empty record and an empty list', {}, [], false],
    ['an empty record and nothing', {}, null, false],
    ['a date and its ISO text', new Date(5), '1970-01-01T00:00:00.005Z', true],
    ['a date and another way to write it', new Date(5000), '1970-01-01T00:00:05Z', false],
    ['a number and its text', 1, '1', false],
    ['a number and a bigint', 1, 1n, false],
    ['a missing member and null', [1, null], [1], false],
    ['null and undefined members', [null], [undefined], true],
    ['blobs of one size and type', new Blob(['a']), new Blob(['b']), true],
    ['blobs of two types', new Blob(['a']), new Blob(['a'], { type: 'text/plain' }), false],
    ['views of equal bytes', new Uint8Array([1, 2]), new Uint8Array([0, 1, 2]).subarray(1), true],
    ['sets in another order', new Set([1, 2]), new Set([2, 1]), true],
    ['an inherited field and none', { toString: 1 }, {}, false],
    ['objects of another class', Object.assign(Object.create({ at: 1 }), { a: 1 }), { a: 1 }, true],
  ]
  it.each(cases)('%s', (_, left, right, equal) => {
    expect(isEqual({ v: left }, { v: right }, null)).toBe(equal)
    expect(hashOf({ v: left }) === hashOf({ v: right })).toBe(equal)
  })

  it('within a tolerance are equal, at its edge included', () => {
    const { root } = compileTable({ tolerance: { 'at.*': 0.5 } }, 't')
    expect(isEqual({ at: [1, 2] }, { at: [1.5, 1.5] }, root)).toBe(true)
    expect(isEqual({ at: [1, 2] }, { at: [1.51, 2] }, root)).toBe(false)
    expect(isEqual({ at: [Infinity] }, { at: [Infinity] }, root)).toBe(true)
    expect(isEqual({ at: ['1'] }, { at: ['1.1'] }, root)).toBe(false)
  })

  it('are told apart place by place', () => {
    const left = { id: 1, a: { b: [1, 2], c: 'x' }, d: [1], e: new Date(0), f: 1 }
    const right = { id: 1, a: { b: [1, 3], c: 'y' }, d: [1, 2], e: new Date(1), g: 1 }
    const found = findDifferences(left, right, null).map(({ steps }) => steps.join('.'))
    expect(found.sort()).toEqual(['a.b.1', 'a.c', 'd', 'e', 'f', 'g'])
  })
})
