import { judge } from '../consistency/compare.js'
import { pairUp } from '../consistency/pairs.js'
import { joinPath } from '../consistency/path.js'
import { type AuditRequest, chooseTables } from '../consistency/request.js'
import { compileTable, type RuleSet } from '../consistency/rules.js'
import type { IdleRule } from '../model/source.js'

/** What differs between two stores that one engine filled from the same operations. */
export interface Noise {
  /** `true` where nothing differs and every rule met something. */
  quiet: boolean
  /** Rows looked at. */
  rows: number
  /** Places that differ, the most frequent of each table first: no rule forgives them, or one is misspelt. */
  places: readonly NoisyPlace[]
  /** Rules that met nothing: misspelt, or of a field that is no more. */
  idle: readonly (IdleRule & { table: string })[]
}

export interface NoisyPlace {
  table: string
  /** Dotted; `null` stands for rows that only one of the stores holds, or that can't be walked. */
  path: string | null
  /** Rows that differ there. */
  rows: number
}

/** Counts by place where two stores differ that ought to hold the same; reads each row once and waits for nothing. */
export async function measureNoise(
  request: Pick<AuditRequest, 'left' | 'right' | 'rules' | 'tables'>,
): Promise<Noise> {
  let rows = 0
  const places: NoisyPlace[] = []
  const idle: (IdleRule & { table: string })[] = []
  for (const table of chooseTables(request)) {
    const set = compileTable(request.rules.tables[table] ?? {}, table)
    const found = await walkTable(request, table, set)
    rows += found.rows
    const counted = [...found.counts].map(([path, count]) => ({ table, path, rows: count }))
    places.push(...counted.sort((a, b) => b.rows - a.rows))
    idle.push(...set.idle().map((rule) => ({ table, ...rule })))
  }
  return { quiet: places.length + idle.length === 0, rows, places, idle }
}

async function walkTable(
  { left, right }: Pick<AuditRequest, 'left' | 'right'>,
  table: string,
  set: RuleSet,
): Promise<{ rows: number; counts: Map<string | null, number> }> {
  const counts = new Map<string | null, number>()
  let rows = 0
  for await (const pairs of pairUp(table, left, right, (_, __, work) => work())) {
    rows += pairs.length
    for (const pair of pairs) {
      const { kind, differences } = judge(pair.left, pair.right, set)
      if (kind === 'equal' || kind === 'defaults') continue
      const paths = differences.map(({ steps }) => joinPath(steps))
      for (const path of paths.length > 0 ? paths : [null]) {
        counts.set(path, (counts.get(path) ?? 0) + 1)
      }
    }
  }
  return { rows, counts }
}
