import { describe, expect, test } from 'vitest'
import { type Figures, formatFigures, judge, type Row } from '../../bench/decision/figures.js'
import { median } from '../../bench/decision/measure.js'
import { replaceBetweenMarks } from '../../scripts/figures/marks.js'

const row = (name: string, changes: Partial<Row> = {}): Row => ({
  name,
  version: '1.0.0',
  evaluateNs: 100,
  startNs: 1_000_000,
  bytes: 5_000,
  ...changes,
})
const figures = (changes: Partial<Figures> = {}): Figures => ({
  rows: [row('graysync', { startNs: 900_000 }), row('peer', { evaluateNs: 200 })],
  verify: { oursNs: 120, bareNs: 100 },
  node: '20.0.0',
  cpu: 'a cpu',
  ...changes,
})

describe('the bars', () => {
  test('are reached at twice the speed of the fastest peer, a faster start and 1.2 times a bare verification', () => {
    expect(judge(figures())).toEqual([])
  })

  test('are missed when any peer is faster than half our speed', () => {
    const rows = [
      row('graysync', { startNs: null }),
      row('a', { evaluateNs: 900 }),
      row('b', { evaluateNs: 199 }),
    ]
    expect(judge(figures({ rows }))).toEqual([expect.stringContaining('1.99')])
  })

  test('are missed when any peer starts as fast; one that starts nowhere is no measure', () => {
    const rows = (startNs: number | null) => [
      row('graysync'),
      row('a', { evaluateNs: 200, startNs }),
      row('b', { evaluateNs: 200, startNs: 1_100_000 }),
    ]
    expect(judge(figures({ rows: rows(null) }))).toEqual([])
    expect(judge(figures({ rows: rows(800_000) }))).toEqual([expect.stringContaining('1.25')])
  })

  test('are missed when verification costs more', () => {
    const verify = { oursNs: 121, bareNs: 100 }
    expect(judge(figures({ verify }))).toEqual([expect.stringContaining('1.21')])
  })

  test('are missed when nobody is there to compare with', () => {
    expect(judge(figures({ rows: [row('graysync')] }))).toHaveLength(1)
  })
})

describe('the table', () => {
  test('has a line for each package, with ratios to ours and what could not be measured', () => {
    const rows = [row('graysync'), row('peer', { evaluateNs: 250, startNs: null, bytes: null })]
    const lines = formatFigures(figures({ rows }), 'en').split('\n')
    expect(lines).toContain('| graysync 1.0.0 | 100 ns | 1.00 ms | 5.0 kB |')
    expect(lines).toContain('| peer 1.0.0 | 250 ns (2.5×) | server only | server only |')
    expect(lines.at(-1)).toContain('1.20 times')
  })

  test('says the same in Chinese', () => {
    const text = formatFigures(figures(), 'zh-CN')
    expect(text).toContain('| peer 1.0.0 | 200 ns (2.0×) | 1.00 ms (1.1×) | 5.0 kB |')
    expect(text).toContain('单次求值')
  })

  test('takes the place of the one before it, and nothing else', () => {
    const page = 'a\n<!-- figures:x -->\nold\n<!-- /figures:x -->\nb'
    const once = replaceBetweenMarks(page, 'x', 'new')
    expect(once).toBe('a\n<!-- figures:x -->\nnew\n<!-- /figures:x -->\nb')
    expect(replaceBetweenMarks(once, 'x', 'new')).toBe(once)
    expect(() => replaceBetweenMarks(page, 'y', 'new')).toThrow('figures:y')
  })
})

test('the median is the middle, or the mean of the two in the middle', () => {
  expect(median([5, 1, 3])).toBe(3)
  expect(median([4, 1, 2, 3])).toBe(2.5)
})
