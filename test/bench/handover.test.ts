import { expect, test } from 'vitest'
import { formatFigures } from '../../bench/handover/figures.js'

const figures = {
  writes: [
    { rows: 1, bareMs: 0.5, fenceMs: 0.6, fullMs: 0.7 },
    { rows: 100, bareMs: 5, fenceMs: 6, fullMs: 8 },
  ],
  crossings: [{ operations: 10_000, fencedMs: 3_999.6, blockedMs: 0 }],
  election: { medianMs: 36, mostMs: 60 },
  browser: 'a browser',
  cpu: 'a cpu',
}

test('the figures of a handover hold writes against bare ones, and say how long it takes', () => {
  const lines = formatFigures(figures, 'en').split('\n')
  expect(lines).toContain('| of 1 row | 0.50 ms | 0.60 ms (1.20×) | 0.70 ms (1.40×) |')
  expect(lines).toContain('| of 100 rows | 5.00 ms | 6.00 ms (1.20×) | 8.00 ms (1.60×) |')
  expect(lines.at(-1)).toContain('10,000 operations beside 10,000 rows')
  expect(lines.at(-1)).toContain('takes 4000 ms from fence to commit')
  expect(lines.at(-1)).toContain('in 95 of 100 after 60 ms')
})

test('the figures of a handover say the same in Chinese', () => {
  const lines = formatFigures(figures, 'zh-CN').split('\n')
  expect(lines).toContain('| 1 行 | 0.50 ms | 0.60 ms (1.20×) | 0.70 ms (1.40×) |')
  expect(lines.at(-1)).toContain('另一个在 36 毫秒后接替')
})
