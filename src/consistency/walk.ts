import type { TableLedger } from '../model/ledger.js'
import type { Fence } from '../model/source.js'
import { judge } from './compare.js'
import { toSuspect } from './confirm.js'
import { findRemote, pairApart } from './locate.js'
import { rest } from './pace.js'
import { type Pair, pairUp } from './pairs.js'
import { note, type Watch } from './recheck.js'
import { createProgress } from './request.js'

/** Rows between two notes of where a walk stands. */
const STRETCH = 5_000

export interface Walk extends Watch {
  /** Keeps what is known so far. */
  save(): Promise<void>
  /** Goes no faster. @default as fast as it can */
  rowsPerSecond: number | undefined
}

/**
 * Walks through all rows, from where a walk stopped. Rows that are written meanwhile are left to their marks. Answers
 * whether it met every row by itself.
 */
export async function walk(o: Walk): Promise<boolean> {
  const { book, table, left, right, read, platform, rowsPerSecond, signal } = o
  const remote = findRemote(o)
  // What sums tell is asked anew: it holds for no part of the rows alone.
  if (remote) book.owe()
  const { after, counts } = book.begin()
  const progress = await createProgress(o, table, counts.equal + counts.defaults)
  const fences = o.changes.map((side) => side.fence())
  const began = platform.monotonic()
  let rows = 0
  let saved = 0
  const addEqual = (equal: number) => {
    counts.equal += equal
  }
  const all = remote ? pairApart(o, remote, addEqual) : pairUp(table, left, right, read, after)
  try {
    for await (const pairs of all) {
      await walkPairs(o, pairs, fences, counts)
      rows += pairs.length
      const last = pairs.at(-1)
      if (!remote && last) {
        book.walked(last.key, counts)
        progress(pairs.length)
      }
      if (rows >= saved + STRETCH) {
        saved = rows
        await o.save()
      }
      if (rowsPerSecond === undefined) continue
      const dueMs = (rows / rowsPerSecond) * 1000
      await rest(platform, began + dueMs - platform.monotonic(), signal)
    }
    book.completed(platform.now(), counts)
    return after === undefined && !remote
  } finally {
    for (const fence of fences) fence.lift()
  }
}

async function walkPairs(
  o: Walk,
  pairs: readonly Pair[],
  fences: readonly Fence[],
  counts: TableLedger['walk'],
): Promise<void> {
  const { set, slices, platform, book } = o
  for (const pair of pairs) {
    if (slices.isSpent()) await slices.pause()
    if (!fences.every((fence) => fence.isQuiet(pair.key))) continue
    const judgement = judge(pair.left, pair.right, set)
    const { kind } = judgement
    if ((kind === 'equal' || kind === 'defaults') && !o.inFlight(o.table, pair.key)) {
      counts[kind]++
      if (book.entries.size > 0) book.end(pair.key)
      continue
    }
    const { held } = toSuspect(pair, set, platform.monotonic())
    note(o, pair, judgement, held)
  }
}
