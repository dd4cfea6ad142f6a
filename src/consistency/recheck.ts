import { keyText } from '../lib/keys.js'
import { GraySyncError } from '../model/errors.js'
import type { LedgerEntry } from '../model/ledger.js'
import type { Changes, Mark } from '../model/source.js'
import { isSuspicious, type Judgement, judge } from './compare.js'
import { lookAgain, reread, type Suspect, toSuspect } from './confirm.js'
import type { Ledger } from './ledger.js'
import { rest, type Slices } from './pace.js'
import type { Pair } from './pairs.js'
import { PATIENCE, type Reading } from './request.js'
import type { RuleSet } from './rules.js'

/** What looking at the rows of one table again and again needs. */
export interface Watch extends Reading {
  table: string
  set: RuleSet
  slices: Slices
  book: Ledger
  /** Of the sides that tell what is written to them. */
  changes: readonly Changes[]
  /** What was last seen of the rows that are in the ledger. */
  seen: Map<string, Judgement>
}

/** Looks at rows that were written, and at those of the ledger. */
export async function lookAtWritten(watch: Watch): Promise<void> {
  const { book, changes, platform, set, slices } = watch
  const taken = changes.map((side) => side.take(Number.POSITIVE_INFINITY))
  const keys = new Map<string, IDBValidKey>()
  for (const { key } of [...taken.flat(), ...book.entries.values()]) keys.set(keyText(key), key)
  const marks = taken.map((list) => new Map(list.map((mark) => [keyText(mark.key), mark])))
  const unread = [...keys.values()].map((key): Suspect => ({ key, held: '', at: 0 }))
  for await (const { suspects, pairs } of reread(unread, watch)) {
    if (!pairs) throw new GraySyncError('AUDIT', `table "${watch.table}" can't be read`)
    // Only now: a write since the mark was taken leaves it standing, and the row is looked at another time.
    const stale = liftMarks(changes, marks, suspects)
    for (const pair of pairs) {
      if (slices.isSpent()) await slices.pause()
      if (stale.has(keyText(pair.key))) continue
      const judgement = judge(pair.left, pair.right, set)
      note(watch, pair, judgement, toSuspect(pair, set, platform.monotonic()).held)
    }
  }
}

/** Answers the rows whose mark no longer held. */
function liftMarks(
  changes: readonly Changes[],
  marks: readonly ReadonlyMap<string, Mark>[],
  rows: readonly Suspect[],
): Set<string> {
  const stale = new Set<string>()
  for (const [at, side] of changes.entries()) {
    const own = rows.flatMap(({ key }) => marks[at]?.get(keyText(key)) ?? [])
    const held = new Set(side.judged(own))
    for (const mark of own) if (!held.has(mark)) stale.add(keyText(mark.key))
  }
  return stale
}

/** Takes what one look at a row says; that it differs has to stand before it counts. */
export function note(watch: Watch, { key }: Pair, judgement: Judgement, held: string): void {
  const { book, table, seen } = watch
  if (watch.inFlight(table, key)) book.suspect(key, '')
  else if (isSuspicious(judgement) || judgement.kind === 'inconclusive') {
    seen.set(keyText(key), judgement)
    book.suspect(key, held)
  } else book.end(key)
}

/** Confirms what stood unchanged and unwritten while it had time to settle. */
export async function confirm(watch: Watch): Promise<void> {
  const { platform, settleMs, signal, changes } = watch
  for (const times of PATIENCE) {
    const open = suspectsOf(watch)
    if (open.length === 0 || signal.aborted) return
    const fences = changes.map((side) => side.fence())
    await rest(platform, times * settleMs, signal)
    for await (const { suspects, pairs } of reread(open, watch)) {
      for (const [at, pair] of (pairs ?? []).entries()) {
        const isQuiet = fences.every((fence) => fence.isQuiet(pair.key))
        lookOnceMore(watch, suspects[at] as Suspect, pair, isQuiet)
      }
    }
    for (const fence of fences) fence.lift()
  }
}

function suspectsOf({ book }: Watch): Suspect[] {
  return [...book.entries.values()]
    .filter(({ state }) => state === 'suspect')
    .map(({ key, held }) => ({ key, held, at: 0 }))
}

function lookOnceMore(watch: Watch, suspect: Suspect, pair: Pair, isQuiet: boolean): void {
  const { book, set, platform, table } = watch
  const judgement = lookAgain(suspect, pair, set)
  const { held } = toSuspect(pair, set, platform.monotonic())
  if (judgement && isQuiet && isSuspicious(judgement) && !watch.inFlight(table, pair.key)) {
    watch.seen.set(keyText(pair.key), judgement)
    book.confirm(pair.key, judgement.kind as NonNullable<LedgerEntry['kind']>, held)
  } else note(watch, pair, judge(pair.left, pair.right, set), held)
}
