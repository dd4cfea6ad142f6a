import type { Language } from '../decision/figures.js'

/** What one run measured. */
export interface Figures {
  /** graysync first, OpenTelemetry second, then the cheapest first. */
  rows: readonly Row[]
  /** Of graysync, in a burst. */
  persistedPerSecond: number
  browser: string
  cpu: string
}

export interface Row {
  name: string
  version: string
  captureUs: number
  threadUs: number
  /** For 300 events. */
  requests: number
  bytes: number
}

const CAPTURE_BAR = 1
const THREAD_BAR = 1.5

interface Words {
  columns: readonly [string, string, string, string, string]
  note(figures: Figures): string
}

const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    columns: [
      'Package',
      'Capture, calling side',
      'Main thread until sent',
      'Requests',
      'Minimal set-up, brotli',
    ],
    note: ({ persistedPerSecond, browser, cpu }) =>
      `One event, medians of interleaved rounds of 300 (${browser}, ${cpu}; the main thread by CPU time); in brackets the ratio to OpenTelemetry, which keeps events in memory. graysync's are on disk before they are sent, ${perSecond(persistedPerSecond)} a second in a burst.`,
  },
  'zh-CN': {
    columns: ['软件包', '采集（调用方）', '主线程（直至发出）', '请求数', '最小配置（brotli）'],
    note: ({ persistedPerSecond, browser, cpu }) =>
      `单个事件，交错多轮（每轮 300 个）的中位数（${browser}，${cpu}；主线程按 CPU 时间计）；括号内为相对 OpenTelemetry 的倍数，后者只把事件放在内存里。graysync 的事件在发送之前已经落盘，突发时每秒 ${perSecond(persistedPerSecond)} 个。`,
  },
}

/** A Markdown table of the figures, and a line that says what they are. */
export function formatFigures(figures: Figures, language: Language): string {
  const { columns, note } = WORDS[language]
  const [, yardstick] = figures.rows
  const lines = figures.rows.map((row) => [
    `${row.name} ${row.version}`,
    `${row.captureUs.toFixed(1)} µs${ratioTo(row.captureUs, yardstick?.captureUs)}`,
    `${row.threadUs.toFixed(0)} µs${ratioTo(row.threadUs, yardstick?.threadUs)}`,
    String(row.requests),
    `${(row.bytes / 1_000).toFixed(1)} kB`,
  ])
  const table = [columns, ['---', '---:', '---:', '---:', '---:'], ...lines]
  return [...table.map((cells) => `| ${cells.join(' | ')} |`), '', note(figures)].join('\n')
}

/** What the figures have to reach; answers what they do not. */
export function judge({ rows }: Figures): string[] {
  const [ours, yardstick] = rows
  if (!ours || !yardstick) return ['there is nobody to compare with']
  const bars = [
    ['capturing', ours.captureUs / yardstick.captureUs, CAPTURE_BAR],
    ['the main thread', ours.threadUs / yardstick.threadUs, THREAD_BAR],
  ] as const
  return bars.flatMap(([what, ratio, bar]) =>
    ratio <= bar ? [] : [`${what} costs ${ratio.toFixed(2)} times OpenTelemetry's, not ${bar}`],
  )
}

/** The run in one line. */
export function summarise({ rows, persistedPerSecond }: Figures): string {
  const [ours, yardstick] = rows
  const ratio = (name: 'captureUs' | 'threadUs') =>
    ((ours?.[name] ?? Number.NaN) / (yardstick?.[name] ?? Number.NaN)).toFixed(2)
  return `capture ${ratio('captureUs')}, main thread ${ratio('threadUs')} times OpenTelemetry's; ${perSecond(persistedPerSecond)} events a second to disk`
}

function ratioTo(value: number, yardstick: number | undefined): string {
  return yardstick && value !== yardstick ? ` (${(value / yardstick).toFixed(1)}×)` : ''
}

function perSecond(value: number): string {
  return Math.round(value).toLocaleString('en')
}
