import { describe, expect, test } from 'vitest'
import {
  type Full,
  judgeFull,
  judgeLarge,
  type Way,
  type WayName,
} from '../../bench/audit/figures.js'
import { formatFigures } from '../../bench/audit/format.js'

const way = (name: WayName, changes: Partial<Way> = {}): Way => ({
  name,
  cpuMs: 1_000,
  wallMs: 600,
  heapMb: 40,
  liveMb: 10,
  tasksMs: [9, 12],
  told: 100,
  isRight: true,
  ...changes,
})

const full = (changes: Partial<Record<WayName, Partial<Way>>> = {}, rows = 100_000): Full => ({
  rows,
  ways: [
    way('floor', { told: 0, isRight: false, ...changes.floor }),
    way('audit', { cpuMs: 1_100, ...changes.audit }),
    way('worker', { cpuMs: 1_300, ...changes.worker }),
    way('normalised', { cpuMs: 2_000, liveMb: 200, tasksMs: [2_400], ...changes.normalised }),
  ],
})
const short = (bars: readonly (readonly [string, boolean])[]): string[] =>
  bars.filter(([, holds]) => !holds).map(([figure]) => figure)

describe('the bars of a full audit', () => {
  test('hold for one that costs little more than reading, in the page and in a worker', () => {
    expect(short(judgeFull(full()))).toEqual([])
    expect(short(judgeLarge(full(), full({}, 1_000_000)))).toEqual([])
  })

  test.each<[string, Partial<Record<WayName, Partial<Way>>>]>([
    ['CPU of an audit of 2 x 100,000 rows over reading alone 1.16', { audit: { cpuMs: 1_160 } }],
    ['CPU in a worker over that in the page 1.41', { worker: { cpuMs: 1_551 } }],
    ['longest task 9, 51 ms of CPU', { audit: { tasksMs: [9, 51] } }],
    ['longest task on the page while a worker audits 51', { worker: { tasksMs: [51] } }],
    ['longest task  ms of CPU', { audit: { tasksMs: [] } }],
    ['every planted difference found, and no other', { worker: { isRight: false } }],
  ])('fall short: %s', (figure, changes) => {
    expect(short(judgeFull(full(changes)))).toEqual([expect.stringContaining(figure)])
  })

  test('hold the cost and the heap of a million rows', () => {
    const large = full({ audit: { cpuMs: 1_151, heapMb: 105, liveMb: 19 } }, 1_000_000)
    expect(short(judgeLarge(full(), large))).toHaveLength(3)
  })
})

describe('the table', () => {
  const figures = {
    full: full(),
    following: { few: 10_000, many: 100_000, fewMs: 80, manyMs: 90 },
    writes: { fenceMs: 1, trackedMs: 1.04, bulkFenceMs: 10, bulkTrackedMs: 10.8 },
    talks: [{ rows: 100_000, differences: 10, found: 10, bytes: 17_010, trips: 4 }],
    browser: 'a browser',
    cpu: 'a cpu',
  }

  test('has a line for each way, with the ratio to reading alone', () => {
    const lines = formatFigures(figures, 'en').split('\n')
    expect(lines).toContain('| reading alone | 1,000 ms (1.00×) | 10 MB | 12 ms | — |')
    expect(lines).toContain('| graysync, in a worker | 1,300 ms (1.30×) | 10 MB | 12 ms | 100 |')
    expect(lines.at(-1)).toContain('takes 80 ms among 10,000 rows and 90 ms among 100,000')
    expect(lines.at(-1)).toContain('1.04 times as long, one of 100 rows 1.08 times')
  })

  test('says the same in Chinese, and leaves out what was not measured', () => {
    const { talks, ...rest } = figures
    const text = formatFigures(rest, 'zh-CN')
    expect(text).toContain('| graysync，在 worker 中 | 1,300 ms (1.30×) |')
    expect(text).not.toContain('往返')
  })
})
