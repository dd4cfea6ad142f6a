import { describe, expect, it } from 'vitest'
import { findDifferences } from '../../src/consistency/equality.js'
import { joinPath, liesBeneath, parsePath } from '../../src/consistency/path.js'
import { compileRules, compileTable } from '../../src/consistency/rules.js'
import type { TableRules } from '../../src/model/source.js'

function pathsOf(left: unknown, right: unknown, rules: TableRules): string[] {
  return findDifferences(left, right, compileTable(rules, 't').root)
    .map(({ steps }) => joinPath(steps))
    .sort()
}

describe('a path', () => {
  it('names what it says, with dots and stars made plain by a backslash', () => {
    const left = { 'a.b': 1, a: { b: 1 }, '*': 1, c: 1 }
    const right = { 'a.b': 2, a: { b: 2 }, '*': 2, c: 2 }
    expect(pathsOf(left, right, {})).toEqual(['\\*', 'a.b', 'a\\.b', 'c'])
    expect(pathsOf(left, right, { ignore: ['a\\.b'] })).toEqual(['\\*', 'a.b', 'c'])
    expect(pathsOf(left, right, { ignore: ['\\*', 'a.b'] })).toEqual(['a\\.b', 'c'])
    expect(pathsOf(left, right, { ignore: ['*'] })).toEqual([])
  })

  it('that was printed reads as the steps it was made of', () => {
    for (const steps of [['a'], ['a.b', 'c'], ['*', '\\', '.'], ['\\.']]) {
      expect(parsePath(joinPath(steps))).toEqual(steps)
    }
  })

  it('lies beneath another when all that it means does', () => {
    const beneath = (path: string, above: string) =>
      liesBeneath(parsePath(path) ?? [], parsePath(above) ?? [])
    expect(beneath('a.b', 'a')).toBe(true)
    expect(beneath('a.b', '*')).toBe(true)
    expect(beneath('*.b', 'a')).toBe(false)
    expect(beneath('a', 'a.b')).toBe(false)
  })
})

describe('rules', () => {
  const left = { id: 1, tags: ['a', 'b'], n: { x: 1, y: 1 }, list: [{ id: 1, at: 1 }] }
  const right = { id: 1, tags: ['b', 'a'], n: { x: 1.4, y: 9 }, list: [{ id: 1, at: 2 }] }

  it('count every field where there are none', () => {
    expect(pathsOf(left, right, {})).toEqual(['list.0.at', 'n.x', 'n.y', 'tags.0', 'tags.1'])
  })

  it('lift what they name, and nothing else', () => {
    expect(pathsOf(left, right, { unordered: ['tags'] })).toEqual(['list.0.at', 'n.x', 'n.y'])
    expect(pathsOf(left, right, { tolerance: { 'n.*': 0.5 } })).not.toContain('n.x')
    expect(pathsOf(left, right, { tolerance: { 'n.*': 0.5 } })).toContain('n.y')
    expect(pathsOf(left, right, { ignore: ['list.*.at'] })).not.toContain('list.0.at')
    expect(pathsOf(left, right, { ignore: ['list.1.at'] })).toContain('list.0.at')
  })

  it('of any name hold beside those of one name', () => {
    const rules = { ignore: ['*.y'], tolerance: { 'n.x': 0.5 } }
    expect(pathsOf(left, right, rules)).toEqual(['list.0.at', 'tags.0', 'tags.1'])
  })

  it('look into lists without order', () => {
    const [a, b] = [
      [{ id: 1, at: 1 }, { id: 2 }],
      [{ id: 2 }, { id: 1, at: 9 }],
    ]
    expect(pathsOf({ a }, { a: b }, { unordered: ['a'], ignore: ['a.*.at'] })).toEqual([])
    expect(pathsOf({ a }, { a: b }, { unordered: ['a'] })).toEqual(['a'])
    expect(pathsOf({ a: [1, 1, 2] }, { a: [1, 2, 2] }, { unordered: ['a'] })).toEqual(['a'])
  })

  it('tell which of them met nothing', () => {
    const set = compileTable({ ignore: ['id', 'no'], unordered: ['n', 'tags', 'none'] }, 't')
    findDifferences({ ...left, none: null }, right, set.root)
    expect(set.idle()).toEqual([
      { rule: 'ignore', path: 'no', because: 'unseen' },
      { rule: 'unordered', path: 'n', because: 'unfit' },
      { rule: 'unordered', path: 'none', because: 'unseen' },
    ])
  })
})

describe('a rule that can not be', () => {
  const cases: [string, object, string][] = [
    ['is misspelt', { ignored: ['a'] }, 'compare.tables.t.ignored: there is no such rule'],
    ['has an empty step', { ignore: ['a..b'] }, 'ignore "a..b": a step of the path is empty'],
    ['has no path', { show: [''] }, 'show "": a step of the path is empty'],
    ['ends in a dot', { show: ['a.'] }, 'show "a.": a step of the path is empty'],
    ['marks many places deleted', { tombstone: 'a.*' }, 'tombstone "a.*": must name one place'],
    ['tolerates nothing', { tolerance: { a: 0 } }, 'wants a number above 0, got 0'],
    [
      'tolerates everything',
      { tolerance: { a: Infinity } },
      'wants a number above 0, got Infinity',
    ],
    ['tolerates a text', { tolerance: { a: '1' } }, 'wants a number above 0, got 1'],
    ['fills in nothing', { defaults: { a: [] } }, 'defaults "a": wants a list of values'],
    [
      'stands beneath one that is ignored',
      { ignore: ['a.*'], show: ['a.b.c'] },
      'show "a.b.c" never applies: ignore "a.*" stands above it',
    ],
    [
      'is ignored itself',
      { ignore: ['a'], tolerance: { a: 1 } },
      'tolerance "a" never applies: ignore "a" stands above it',
    ],
    [
      'stands within a list without order',
      { unordered: ['a'], defaults: { 'a.*.b': [1] } },
      'defaults "a.*.b" never applies: unordered "a" stands above it',
    ],
  ]
  it.each(cases)('and %s is told by name', (_, rules, message) => {
    const compile = () => compileRules({ tables: { t: rules as TableRules } })
    expect(compile).toThrow(expect.objectContaining({ code: 'OPTION' }))
    expect(compile).toThrow(message)
  })
})
