import { isSuspicious, judge } from '../consistency/compare.js'
import { lookAgain, reread, type Suspect, toSuspect } from '../consistency/confirm.js'
import { createRead, createSlices, rest, type Slices } from '../consistency/pace.js'
import { type Pair, pairUp, type Read } from '../consistency/pairs.js'
import { compileRules, compileTable, type RuleSet } from '../consistency/rules.js'
import { createTally, type TableTally } from '../consistency/tally.js'
import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { AuditProgress, AuditReport, CompareRules, Source } from '../model/source.js'

/** A difference counts once it stood this long. */
const SETTLE_MS = 500
/** A pair that goes on changing is looked at after each of these multiples, then left undecided. */
const PATIENCE = [1, 2, 4, 8]
/** More suspects than this are looked at again before the scan goes on. */
const BACKLOG = 10_000

export interface AuditRequest {
  platform: Platform
  left: Source
  right: Source
  rules: CompareRules
  /** Whether an operation on this row is open, so that the sides may rightly differ. */
  inFlight(table: string, key: IDBValidKey): boolean
  /** Only these. @default every table with rules; all that both have where there are no rules */
  tables?: readonly string[] | undefined
  /** Ends the audit early: the report then is not complete. */
  signal?: AbortSignal | undefined
  onProgress?: ((progress: AuditProgress) => void) | undefined
  /** How long a difference must stand before it counts, in ms. @default 500 */
  settleMs?: number
}

interface Run extends AuditRequest {
  signal: AbortSignal
  settleMs: number
  slices: Slices
  read: Read
}

interface TableRun extends Run {
  table: string
  set: RuleSet
  tally: TableTally
  suspects: Suspect[]
}

/**
 * Compares what two sources hold, table by table in key order. Reads errors and abort end up in the report, which is
 * never clean then; throws OPTION for rules that can't be, and AUDIT where a source lacks a table.
 */
export async function audit(request: AuditRequest): Promise<AuditReport> {
  const { platform, left, right, signal = new AbortController().signal } = request
  const rules = compileRules(request.rules)
  const tables = chooseTables(request)
  const run: Run = {
    ...request,
    signal,
    settleMs: request.settleMs ?? SETTLE_MS,
    slices: createSlices(platform),
    read: createRead(platform, signal),
  }
  const [startedAt, began] = [platform.now(), platform.monotonic()]
  const tally = createTally(drawSalt(platform))
  for (const table of tables) {
    const set = rules.get(table) ?? compileTable({}, table)
    await auditTable({ ...run, table, set, tally: tally.table(table), suspects: [] })
  }
  const durationMs = platform.monotonic() - began
  return { left: left.name, right: right.name, startedAt, durationMs, ...tally.report() }
}

function chooseTables({ left, right, rules, tables }: AuditRequest): readonly string[] {
  const ruled = Object.keys(rules.tables)
  const both = left.tables.filter((table) => right.tables.includes(table))
  const chosen = tables ?? (ruled.length > 0 ? ruled : both)
  for (const source of [left, right]) {
    const lacking = chosen.find((table) => !source.tables.includes(table))
    if (lacking === undefined) continue
    throw new GraySyncError('AUDIT', `source "${source.name}" has no table "${lacking}"`)
  }
  if (chosen.length > 0) return chosen
  throw new GraySyncError('AUDIT', `"${left.name}" and "${right.name}" have no table in common`)
}

function drawSalt(platform: Platform): { high: number; low: number } {
  const view = new DataView(platform.randomBytes(8).buffer)
  return { high: view.getInt32(0), low: view.getInt32(4) }
}

async function auditTable(run: TableRun): Promise<void> {
  const { table, left, right, read, tally, suspects } = run
  try {
    // Counting takes a walk over all keys.
    const total = run.onProgress ? await countRows(run) : null
    let done = 0
    for await (const pairs of pairUp(table, left, right, read)) {
      await scan(run, pairs)
      if (suspects.length >= BACKLOG) await confirm(run)
      done += pairs.length
      run.onProgress?.({ table, done, total })
    }
  } catch (cause) {
    if (!(cause instanceof GraySyncError)) throw cause
    tally.failed(cause.message)
  }
  await confirm(run)
  tally.idle(run.set.idle())
}

async function countRows({ left, right, table }: TableRun): Promise<number | null> {
  const counts = await Promise.all(
    [left, right].map((source) => source.count?.(table).catch(() => undefined)),
  )
  const known = counts.filter((count) => count !== undefined)
  return known.length === 0 ? null : Math.max(...known)
}

async function scan(run: TableRun, pairs: readonly Pair[]): Promise<void> {
  const { table, set, tally, platform, slices, suspects } = run
  for (const pair of pairs) {
    if (slices.isSpent()) await slices.pause()
    if (run.inFlight(table, pair.key)) {
      tally.inFlight()
      continue
    }
    const judgement = judge(pair.left, pair.right, set)
    if (isSuspicious(judgement)) suspects.push(toSuspect(pair, set, platform.monotonic()))
    else tally.judged(pair.key, judgement)
  }
}

/** Judges the suspects by what they hold after they had time to settle. */
async function confirm(run: TableRun): Promise<void> {
  let open = run.suspects.splice(0)
  for (const times of PATIENCE) {
    const newest = open.at(-1)
    if (!newest || run.signal.aborted) break
    const { platform } = run
    await rest(platform, newest.at + times * run.settleMs - platform.monotonic(), run.signal)
    open = await judgeAgain(run, open)
  }
  run.tally.inconclusive(open.length)
}

/** Answers those that changed in between. */
async function judgeAgain(run: TableRun, open: readonly Suspect[]): Promise<Suspect[]> {
  const unsettled: Suspect[] = []
  for await (const { suspects, pairs } of reread(open, run)) {
    if (!pairs) run.tally.inconclusive(suspects.length)
    for (const [at, pair] of (pairs ?? []).entries()) {
      if (run.slices.isSpent()) await run.slices.pause()
      const again = settle(run, suspects[at] as Suspect, pair)
      if (again) unsettled.push(again)
    }
  }
  return unsettled
}

function settle(run: TableRun, suspect: Suspect, pair: Pair): Suspect | null {
  const judgement = lookAgain(suspect, pair, run.set)
  if (run.inFlight(run.table, pair.key)) run.tally.inFlight()
  else if (judgement) run.tally.judged(pair.key, judgement)
  else return toSuspect(pair, run.set, run.platform.monotonic())
  return null
}
