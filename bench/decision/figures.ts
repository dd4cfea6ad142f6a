/** What one run measured. */
export interface Figures {
  /** graysync first, then the peers, fastest first. */
  rows: readonly Row[]
  verify: { oursNs: number; bareNs: number }
  node: string
  cpu: string
}

export interface Row {
  name: string
  version: string
  evaluateNs: number
  /** `null`: it does not run in a browser, or there is none here. */
  startNs: number | null
  /** `null`: it does not run in a browser. */
  bytes: number | null
}

interface Words {
  columns: readonly [string, string, string, string]
  none: string
  note(figures: Figures, ratio: string): string
}

export type Language = 'en' | 'zh-CN'

const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    columns: ['Package', 'One evaluation', 'Start from a cached payload', 'Minimal set-up, brotli'],
    none: 'server only',
    note: ({ node, cpu }, ratio) =>
      `Medians of interleaved rounds in one process (Node ${node}, ${cpu}); in brackets the ratio to graysync. The start does not count verification, which takes ${ratio} times a bare \`subtle.verify\`; the size does.`,
  },
  'zh-CN': {
    columns: ['软件包', '单次求值', '从缓存启动', '最小配置（brotli）'],
    none: '仅服务端',
    note: ({ node, cpu }, ratio) =>
      `同一进程内交错多轮的中位数（Node ${node}，${cpu}）；括号内为相对 graysync 的倍数。启动时间不含验签，验签耗时为裸 \`subtle.verify\` 的 ${ratio} 倍；体积包含验签。`,
  },
}

/** A Markdown table of the figures, and a line that says what they are. */
export function formatFigures(figures: Figures, language: Language): string {
  const { columns, none, note } = WORDS[language]
  const [ours] = figures.rows
  const lines = figures.rows.map((row) => [
    `${row.name} ${row.version}`,
    `${row.evaluateNs.toFixed(0)} ns${ratioTo(row.evaluateNs, ours?.evaluateNs)}`,
    row.startNs === null
      ? row.bytes === null
        ? none
        : '—'
      : `${(row.startNs / 1_000_000).toFixed(2)} ms${ratioTo(row.startNs, ours?.startNs)}`,
    row.bytes === null
      ? none
      : `${(row.bytes / 1_000).toFixed(1)} kB${ratioTo(row.bytes, ours?.bytes)}`,
  ])
  const table = [columns, ['---', '---:', '---:', '---:'], ...lines]
  const { oursNs, bareNs } = figures.verify
  return [
    ...table.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    note(figures, (oursNs / bareNs).toFixed(2)),
  ].join('\n')
}

function ratioTo(value: number, ours: number | null | undefined): string {
  return ours && value !== ours ? ` (${(value / ours).toFixed(1)}×)` : ''
}

/** What the figures have to reach; answers what they do not. */
export function judge({ rows, verify }: Figures): string[] {
  const [ours, ...peers] = rows
  if (!ours || peers.length === 0) return ['there is nobody to compare with']
  const fastest = Math.min(...peers.map(({ evaluateNs }) => evaluateNs))
  const misses: string[] = []
  if (fastest < 2 * ours.evaluateNs) {
    misses.push(
      `the fastest peer takes ${(fastest / ours.evaluateNs).toFixed(2)} times our time, not 2`,
    )
  }
  const starts = peers.flatMap(({ startNs }) => startNs ?? [])
  if (ours.startNs !== null && ours.startNs >= Math.min(...starts)) {
    misses.push(
      `the start takes ${(ours.startNs / Math.min(...starts)).toFixed(2)} times that of the fastest peer`,
    )
  }
  const ratio = verify.oursNs / verify.bareNs
  if (ratio > 1.2) misses.push(`verification takes ${ratio.toFixed(2)} times a bare one, not 1.2`)
  return misses
}
