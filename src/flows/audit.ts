import { isSuspicious, judge } from '../consistency/compare.js'
import { lookAgain, reread, type Suspect, toSuspect } from '../consistency/confirm.js'
import { findRemote, pairApart } from '../consistency/locate.js'
import { createRead, createSlices, rest, type Slices } from '../consistency/pace.js'
import { type Pair, pairUp } from '../consistency/pairs.js'
import {
  type AuditRequest,
  chooseTables,
  createProgress,
  drawSalt,
  PATIENCE,
  type Reading,
  SETTLE_MS,
} from '../consistency/request.js'
import { compileRules, compileTable, type RuleSet } from '../consistency/rules.js'
import { createTally, type TableTally } from '../consistency/tally.js'
import { GraySyncError } from '../model/errors.js'
import type { AuditReport } from '../model/source.js'

/** More suspects than this are looked at again before the scan goes on. */
const BACKLOG = 10_000

interface Run extends Reading {
  slices: Slices
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

async function auditTable(run: TableRun): Promise<void> {
  const { tally, suspects } = run
  try {
    for await (const pairs of pairAll(run)) {
      await scan(run, pairs)
      if (suspects.length >= BACKLOG) await confirm(run)
    }
  } catch (cause) {
    if (!(cause instanceof GraySyncError)) throw cause
    tally.failed(cause.message)
  }
  await confirm(run)
  // Of rows that were not read nobody knows what rules met.
  tally.idle(findRemote(run) ? [] : run.set.idle())
}

/** All rows in pairs; where a side tells sums, only those that they do not call equal. */
async function* pairAll(run: TableRun): AsyncGenerator<readonly Pair[]> {
  const { table, left, right, read, tally } = run
  const remote = findRemote(run)
  if (remote) {
    yield* pairApart(run, remote, (equal) => tally.walked({ equal, defaults: 0 }))
    return
  }
  const progress = await createProgress(run, table)
  for await (const pairs of pairUp(table, left, right, read)) {
    yield pairs
    progress(pairs.length)
  }
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
