import type { Language } from '../decision/figures.js'

/** What a write takes, by medians, in ms. */
export interface Writes {
  rows: number
  bareMs: number
  fenceMs: number
  /** With fence, capture and tracking. */
  fullMs: number
}

/** What handovers of so many operations take, by medians, in ms. */
export interface Crossings {
  operations: number
  fencedMs: number
  /** The longest time that the page did not answer. */
  blockedMs: number
}

/** What one run measured. */
export interface Figures {
  writes: readonly Writes[]
  crossings: readonly Crossings[]
  /** Until another tab leads once the leading one was killed. */
  election: { medianMs: number; mostMs: number }
  browser: string
  cpu: string
}

interface Words {
  columns: readonly [string, string, string, string]
  rows(count: number): string
  crossing(operations: string, fencedMs: string, blockedMs: string): string
  note(figures: Figures, crossings: string): string
}

const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    columns: ['One write', 'Bare Dexie', 'Fence', 'Fence, capture and tracking'],
    rows: (count) => (count === 1 ? 'of 1 row' : `of ${count} rows`),
    crossing: (operations, fencedMs, blockedMs) =>
      `A handover of ${operations} operations beside 10,000 rows and 20 MB of images takes ${fencedMs} ms from fence to commit and blocks the page for ${blockedMs} ms. `,
    note: ({ election, browser, cpu }, crossings) =>
      `Medians of rounds in turns (${browser}, ${cpu}); in brackets the ratio to a bare write. ${crossings}After the leading tab was killed another leads after ${election.medianMs.toFixed(0)} ms, and in 95 of 100 after ${election.mostMs.toFixed(0)} ms.`,
  },
  'zh-CN': {
    columns: ['一次写入', '裸 Dexie', '栅栏', '栅栏、捕获和跟踪'],
    rows: (count) => `${count} 行`,
    crossing: (operations, fencedMs, blockedMs) =>
      `在 1 万行和 20 MB 图片旁交接 ${operations} 个操作，从栅栏到提交 ${fencedMs} 毫秒，页面被阻塞 ${blockedMs} 毫秒。`,
    note: ({ election, browser, cpu }, crossings) =>
      `交错多轮的中位数（${browser}，${cpu}）；括号内为相对裸写入的倍数。${crossings}主标签页被杀死后，另一个在 ${election.medianMs.toFixed(0)} 毫秒后接替，100 次中有 95 次在 ${election.mostMs.toFixed(0)} 毫秒之内。`,
  },
}

/** A Markdown table of writes, and a line on handovers and elections. */
export function formatFigures(figures: Figures, language: Language): string {
  const { columns, rows, crossing, note } = WORDS[language]
  const lines = figures.writes.map((write) => {
    const ratio = (ms: number) => `${ms.toFixed(2)} ms (${(ms / write.bareMs).toFixed(2)}×)`
    return [
      rows(write.rows),
      `${write.bareMs.toFixed(2)} ms`,
      ...[write.fenceMs, write.fullMs].map(ratio),
    ]
  })
  const table = [columns, ['---', '---:', '---:', '---:'], ...lines]
  const crossings = figures.crossings.map(({ operations, fencedMs, blockedMs }) =>
    crossing(operations.toLocaleString('en'), fencedMs.toFixed(0), blockedMs.toFixed(0)),
  )
  return [
    ...table.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    note(figures, crossings.join('')),
  ].join('\n')
}
