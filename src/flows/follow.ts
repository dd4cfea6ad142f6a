import { type Fingerprint, fingerprint, printHash } from '../consistency/hash.js'
import { openLedger } from '../consistency/ledger.js'
import { createRead, createSlices } from '../consistency/pace.js'
import { confirm, lookAtWritten } from '../consistency/recheck.js'
import { type AuditRequest, chooseTables, drawSalt, SETTLE_MS } from '../consistency/request.js'
import { compileTable } from '../consistency/rules.js'
import { createTally, type TableTally } from '../consistency/tally.js'
import { type Walk, walk } from '../consistency/walk.js'
import { keyText } from '../lib/keys.js'
import { GraySyncError } from '../model/errors.js'
import type { TableLedger } from '../model/ledger.js'
import type { AuditReport } from '../model/source.js'

const WALK_EVERY_MS = 86_400_000

export interface FollowRequest extends AuditRequest {
  /** Where what is known of a table outlives the page. */
  ledger: {
    read(table: string): Promise<TableLedger | undefined>
    write(table: string, state: TableLedger): Promise<void>
  }
  /** A walk through all rows goes no faster. @default as fast as it can */
  rowsPerSecond?: number
}

interface Run extends Walk {
  tally: TableTally
  /** Both sides tell what is written to them. */
  tracked: boolean
}

/**
 * An audit that goes on where it stopped: what was written is looked at again, what differs is confirmed, and all rows
 * are walked through once a day, after a crash, and wherever a side does not tell what is written to it. Reads errors
 * and abort end up in the report, as in a full audit.
 */
export async function follow(request: FollowRequest): Promise<AuditReport> {
  const { platform, left, right, rules, signal = new AbortController().signal } = request
  const [startedAt, began] = [platform.now(), platform.monotonic()]
  const tally = createTally(drawSalt(platform))
  for (const table of chooseTables(request)) {
    const set = compileTable(rules.tables[table] ?? {}, table)
    const sides = await Promise.all([left.changes?.(table), right.changes?.(table)])
    const changes = sides.filter((side) => side !== undefined && side !== null)
    const book = openLedger(await request.ledger.read(table), nameRules(rules.tables[table] ?? {}))
    await followTable({
      ...request,
      signal,
      settleMs: request.settleMs ?? SETTLE_MS,
      rowsPerSecond: request.rowsPerSecond,
      read: createRead(platform, signal),
      slices: createSlices(platform),
      table,
      set,
      book,
      tally: tally.table(table),
      changes,
      tracked: changes.length === 2,
      seen: new Map(),
      save: () => request.ledger.write(table, book.read()),
    })
  }
  const durationMs = platform.monotonic() - began
  return { left: left.name, right: right.name, startedAt, durationMs, ...tally.report() }
}

function nameRules(rules: object): string {
  const unsalted: Fingerprint = { high: 0, low: 0 }
  return printHash(fingerprint(JSON.stringify(rules), null, unsalted))
}

async function followTable(run: Run): Promise<void> {
  const { tally, changes, set } = run
  try {
    await takeRegions(run)
    await lookAtWritten(run)
    if (isWalkDue(run)) {
      if (await walk(run)) tally.idle(set.idle())
      // What was written under the walk was left to this.
      await lookAtWritten(run)
    }
    await confirm(run)
  } catch (cause) {
    if (!(cause instanceof GraySyncError)) throw cause
    tally.failed(cause.message)
  }
  await run.save()
  for (const side of changes) await side.checkpoint()
  sumUp(run)
}

/** Regions of which no row is known any more make a walk due, and that outlives them. */
async function takeRegions({ changes, book, save }: Run): Promise<void> {
  const taken = changes.map((side) => ({ side, regions: side.regions() }))
  if (taken.every(({ regions }) => regions.size === 0)) return
  book.owe()
  await save()
  for (const { side, regions } of taken) {
    for (const [region, seq] of regions) side.scanned(region, seq)
  }
}

function isWalkDue({ book, tracked, platform }: Run): boolean {
  const { owed, completedAt } = book.read()
  return owed || !tracked || completedAt === null || platform.now() - completedAt >= WALK_EVERY_MS
}

/** Puts into the report what the ledger holds. */
function sumUp(run: Run): void {
  const { book, tally, seen, table, changes, tracked } = run
  const { walk, entries, beyond, completedAt, ended } = book.read()
  tally.walked(walk)
  for (const { key, state, kind } of entries) {
    const judgement = seen.get(keyText(key))
    if (state === 'confirmed' && kind) {
      tally.judged(key, { kind, differences: judgement?.differences ?? [] })
    } else if (run.inFlight(table, key)) tally.inFlight()
    else tally.inconclusive(1)
  }
  tally.inconclusive(beyond)
  const waiting = changes.reduce((sum, side) => sum + side.take(Infinity).length, 0)
  tally.covered({ tracked, completedAt, waiting, ...ended })
}
