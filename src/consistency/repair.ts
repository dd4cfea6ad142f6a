import { keyText } from '../lib/keys.js'
import { GraySyncError } from '../model/errors.js'
import type { RepairPlan, RepairReport, RepairStep, UndoStep } from '../model/repair.js'
import type { CompareRules, Divergence, Source } from '../model/source.js'
import { isSuspicious, judge, type Row } from './compare.js'
import type { Difference } from './equality.js'
import { fingerprint, printHash } from './hash.js'
import { isObject, kindOf } from './kind.js'
import { joinPath } from './path.js'
import { compileTable } from './rules.js'

/** What a repair is about: the two sides that were audited, and by which rules. */
export interface RepairSides {
  left: Source
  right: Source
  rules: CompareRules
}

const BATCH = 100
const ACTIONS = {
  left: { missing: 'put', extra: 'delete', changed: 'change' },
  right: { missing: 'delete', extra: 'put', changed: 'change' },
} as const

/** Plans how one side becomes the other where they diverge; looks again at each row, and leaves out what is equal by now. */
export async function planRepair(
  o: RepairSides & { divergences: readonly Divergence[]; winner: RepairPlan['winner'] },
): Promise<RepairPlan> {
  const steps: RepairStep[] = []
  for (const [table, keys] of batchesOf(o.divergences)) {
    const set = compileTable(o.rules.tables[table] ?? {}, table)
    for (const { key, left, right } of await readBoth(o, table, keys)) {
      const { kind, differences } = judge(left, right, set)
      if (!isSuspicious({ kind, differences })) continue
      const [winner, loser] = o.winner === 'left' ? [left, right] : [right, left]
      steps.push({
        table,
        key,
        action: ACTIONS[o.winner][kind as Divergence['kind']],
        paths: differences.map(({ steps }) => joinPath(steps)).sort(),
        held: { winner: hashOf(winner), loser: hashOf(loser) },
      })
    }
  }
  return { winner: o.winner, steps }
}

/** How a plan is carried out. */
export interface RepairOrder extends RepairSides {
  plan: RepairPlan
  /** Stores what takes steps back, before they are done. */
  keep(undo: readonly UndoStep[]): Promise<void>
  /** Gives a row that the losing side lacks that side's shape. @default as the winner holds it */
  convert?(table: string, row: Row): Row
}

/**
 * Does what was planned, row by row, where both sides still hold what they held then. Doing a plan again does nothing.
 * Throws AUDIT where the side to change can't be written.
 */
export async function applyRepair(order: RepairOrder): Promise<RepairReport> {
  const { left, right, plan } = order
  const rewrite = rewriterOf(plan.winner === 'left' ? right : left)
  const report = { done: 0, outdated: 0 }
  for (const [table, keys] of batchesOf(plan.steps)) {
    const changes = await prepare(order, table, keys)
    await order.keep(
      [...changes.values()].map(({ key, old, row }) => ({
        table,
        key,
        before: old,
        after: hashOf(row),
      })),
    )
    const done = await swap(rewrite, table, keys, changes)
    report.done += done
    report.outdated += keys.length - done
  }
  return report
}

/** One row of the losing side: what it is to hold, and what it must hold until then. */
interface Change {
  key: IDBValidKey
  expected: string
  old: Row | null
  row: Row | null
}

async function prepare(
  order: RepairOrder,
  table: string,
  keys: readonly IDBValidKey[],
): Promise<Map<string, Change>> {
  const { plan, rules, convert = (_, row) => row } = order
  const set = compileTable(rules.tables[table] ?? {}, table)
  const steps = plan.steps.filter((step) => step.table === table)
  const planned = new Map(steps.map((step) => [keyText(step.key), step]))
  const changes = new Map<string, Change>()
  for (const { key, left, right } of await readBoth(order, table, keys)) {
    const step = planned.get(keyText(key))
    const [won, lost] = plan.winner === 'left' ? [left, right] : [right, left]
    if (step?.held.winner !== hashOf(won) || step.held.loser !== hashOf(lost)) continue
    const change = { key, expected: step.held.loser, old: lost ?? null }
    let row: Row | null = null
    if (won && lost) row = patch(lost, judge(left, right, set).differences, plan.winner)
    else if (won) row = convert(table, won)
    changes.set(keyText(key), { ...change, row })
  }
  return changes
}

/** Takes steps back, the last one first, where a row still holds what the step left. */
export async function undoRepair(source: Source, undo: readonly UndoStep[]): Promise<RepairReport> {
  const rewrite = rewriterOf(source)
  const report = { done: 0, outdated: 0 }
  for (const { table, key, before, after } of [...undo].reverse()) {
    const change = { key, expected: after, old: null, row: before }
    const done = await swap(rewrite, table, [key], new Map([[keyText(key), change]]))
    report.done += done
    report.outdated += 1 - done
  }
  return report
}

type Rewrite = NonNullable<Source['rewrite']>

function rewriterOf(source: Source): Rewrite {
  if (source.rewrite) return source.rewrite.bind(source)
  throw new GraySyncError('AUDIT', `source "${source.name}" can't be written`)
}

/** Compare and set, within one transaction; answers how many rows were set. */
async function swap(
  rewrite: Rewrite,
  table: string,
  keys: readonly IDBValidKey[],
  changes: ReadonlyMap<string, Change>,
): Promise<number> {
  let done = 0
  await rewrite(table, keys, (key, row) => {
    const wanted = changes.get(keyText(key))
    if (!wanted || hashOf(row) !== wanted.expected) return undefined
    done++
    return wanted.row
  })
  return done
}

/** Only what diverges is taken over: the rest of a row is its engine's own. */
function patch(loser: Row, differences: readonly Difference[], winner: RepairPlan['winner']): Row {
  const row = structuredClone(loser)
  for (const { steps, left, right } of differences) {
    const [value, old] = winner === 'left' ? [left, right] : [right, left]
    setAt(row, steps, dressed(value, old))
  }
  return row
}

function setAt(row: Row, steps: readonly string[], value: unknown): void {
  let at = row as Record<string, unknown>
  for (const step of steps.slice(0, -1)) at = at[step] as Record<string, unknown>
  const last = steps.at(-1) ?? ''
  if (value === undefined && !Array.isArray(at)) delete at[last]
  else
    Object.defineProperty(at, last, { value, writable: true, enumerable: true, configurable: true })
}

/** A text that stands for an instant becomes a date where its place held one. */
function dressed(value: unknown, old: unknown): unknown {
  if (typeof value !== 'string' || !isObject(old) || kindOf(old) !== 'date') return value
  const date: unknown = Reflect.construct(old.constructor, [value])
  return isObject(date) && kindOf(date) === 'date' ? date : value
}

async function readBoth(
  { left, right }: RepairSides,
  table: string,
  keys: readonly IDBValidKey[],
): Promise<{ key: IDBValidKey; left: Row | undefined; right: Row | undefined }[]> {
  const [a, b] = await Promise.all(
    [left, right].map(async (source) => {
      const rows = await source.get(table, keys)
      return new Map(rows.map(({ key, row }) => [keyText(key), row]))
    }),
  )
  return keys.map((key) => ({ key, left: a?.get(keyText(key)), right: b?.get(keyText(key)) }))
}

function* batchesOf(
  rows: readonly { table: string; key: IDBValidKey }[],
): Generator<[string, IDBValidKey[]]> {
  for (const table of new Set(rows.map((row) => row.table))) {
    const keys = rows.flatMap((row) => (row.table === table ? [row.key] : []))
    for (let from = 0; from < keys.length; from += BATCH)
      yield [table, keys.slice(from, from + BATCH)]
  }
}

function hashOf(row: Row | null | undefined): string {
  return row ? printHash(fingerprint(row, null)) : 'none'
}
