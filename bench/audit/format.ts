import type { Language } from '../decision/figures.js'
import { count, type Figures, type Following, type Talk, type WayName, wayOf } from './figures.js'

interface Words {
  columns: (rows: string) => readonly [string, string, string, string, string]
  ways: Readonly<Record<WayName, string>>
  note(figures: Figures): string
  following(figures: Following): string
  writes(single: string, bulk: string): string
  talk(talk: Talk): string
}

const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    columns: (rows) => [
      `Two stores of ${rows} rows`,
      'CPU',
      'Alive at most',
      'Longest task',
      'Differences told',
    ],
    ways: {
      floor: 'reading alone',
      audit: 'graysync',
      worker: 'graysync, in a worker',
      normalised: 'everything normalised, as JSON',
      json: 'everything as JSON',
    },
    note: ({ browser, cpu }) =>
      `100 differences were planted. Least of rounds in turns (${browser}, ${cpu}); CPU of all processes of the browser, in brackets the ratio to reading alone; heap and tasks of the page, the latter by CPU time.`,
    following: ({ few, many, fewMs, manyMs }) =>
      `After 1,000 writes an incremental audit takes ${fewMs.toFixed(0)} ms among ${count(few)} rows and ${manyMs.toFixed(0)} ms among ${count(many)}.`,
    writes: (single, bulk) =>
      `Tracking makes a fenced write ${single} times as long, one of 100 rows ${bulk} times.`,
    talk: ({ rows, differences, bytes, trips }) =>
      `${count(differences)} differences in ${count(rows)} rows of a server are found by ${count(bytes)} bytes in ${trips} trips.`,
  },
  'zh-CN': {
    columns: (rows) => [`各 ${rows} 行的两个存储`, 'CPU', '存活内存最多', '最长任务', '报出的差异'],
    ways: {
      floor: '只读取',
      audit: 'graysync',
      worker: 'graysync，在 worker 中',
      normalised: '全部规范化后的 JSON',
      json: '全部原样的 JSON',
    },
    note: ({ browser, cpu }) =>
      `植入了 100 处差异。交错多轮的最小值（${browser}，${cpu}）；CPU 为浏览器全部进程之和，括号内为相对只读取的倍数；内存与任务为页面的，任务按 CPU 时间计。`,
    following: ({ few, many, fewMs, manyMs }) =>
      `写入 1,000 次之后，增量审计在 ${count(few)} 行中用 ${fewMs.toFixed(0)} 毫秒，在 ${count(many)} 行中用 ${manyMs.toFixed(0)} 毫秒。`,
    writes: (single, bulk) =>
      `跟踪使一次带栅栏的写入变为 ${single} 倍，100 行的写入变为 ${bulk} 倍。`,
    talk: ({ rows, differences, bytes, trips }) =>
      `在服务器的 ${count(rows)} 行中找出 ${count(differences)} 处差异，用 ${count(bytes)} 字节、${trips} 次往返。`,
  },
}

/** A Markdown table of the ways to compare, and what else was measured in one line. */
export function formatFigures(figures: Figures, language: Language): string {
  const { full, following, writes, talks = [] } = figures
  if (!full) throw new Error('nothing was measured of whole stores')
  const words = WORDS[language]
  const columns = words.columns(count(full.rows))
  const floor = wayOf(full, 'floor')
  const lines = full.ways.map((way) => [
    words.ways[way.name],
    `${count(Math.round(way.cpuMs))} ms (${(way.cpuMs / floor.cpuMs).toFixed(2)}×)`,
    `${way.liveMb.toFixed(0)} MB`,
    `${count(Math.round(Math.max(...way.tasksMs)))} ms`,
    way === floor ? '—' : count(way.told),
  ])
  const table = [columns, ['---', ...columns.slice(1).map(() => '---:')], ...lines]
  const ratio = (tracked: number, fence: number) => (tracked / fence).toFixed(2)
  const notes = [
    words.note(figures),
    following && words.following(following),
    writes &&
      words.writes(
        ratio(writes.trackedMs, writes.fenceMs),
        ratio(writes.bulkTrackedMs, writes.bulkFenceMs),
      ),
    ...talks.map(words.talk),
  ]
  const between = language === 'en' ? ' ' : ''
  return [
    ...table.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    notes.filter(Boolean).join(between),
  ].join('\n')
}
