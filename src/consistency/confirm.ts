import { keyText } from '../lib/keys.js'
import type { Source, SourceRow } from '../model/source.js'
import { isSuspicious, type Judgement, judge, living, type Row } from './compare.js'
import { fingerprint, printHash } from './hash.js'
import type { Pair, Read } from './pairs.js'
import type { RuleSet } from './rules.js'

/** A pair that differed when it was first read, and may have been caught between two writes. */
export interface Suspect {
  key: IDBValidKey
  /** What both sides held, in one text. */
  held: string
  /** When that was read, on the monotonic clock. */
  at: number
}

const BATCH = 100

export function toSuspect({ key, left, right }: Pair, rules: RuleSet, at: number): Suspect {
  return { key, held: holdings(left, right, rules), at }
}

/** Reads the pairs of suspects again, some at a time. */
export async function* reread(
  suspects: readonly Suspect[],
  o: { table: string; left: Source; right: Source; read: Read },
): AsyncGenerator<{ suspects: readonly Suspect[]; pairs: readonly Pair[] | null }> {
  for (let from = 0; from < suspects.length; from += BATCH) {
    const batch = suspects.slice(from, from + BATCH)
    yield { suspects: batch, pairs: await readPairs(batch, o) }
  }
}

/** `null` where a side can't be read: nothing is known then. */
async function readPairs(
  batch: readonly Suspect[],
  { table, left, right, read }: { table: string; left: Source; right: Source; read: Read },
): Promise<readonly Pair[] | null> {
  const keys = batch.map(({ key }) => key)
  try {
    const [a, b] = await Promise.all(
      [left, right].map((source) => read(source, table, () => source.get(table, keys))),
    )
    const [byKeyA, byKeyB] = [index(a ?? []), index(b ?? [])]
    return keys.map((key) => ({
      key,
      left: byKeyA.get(keyText(key)),
      right: byKeyB.get(keyText(key)),
    }))
  } catch {
    return null
  }
}

function index(rows: readonly SourceRow[]): Map<string, Row> {
  return new Map(rows.map(({ key, row }) => [keyText(key), row]))
}

/** What a second look at a suspect says; `null` when the rows changed in between and it has to be looked at again. */
export function lookAgain(suspect: Suspect, pair: Pair, rules: RuleSet): Judgement | null {
  const judgement = judge(pair.left, pair.right, rules)
  const stands = !isSuspicious(judgement) || holdings(pair.left, pair.right, rules) === suspect.held
  return stands ? judgement : null
}

function holdings(left: Row | undefined, right: Row | undefined, rules: RuleSet): string {
  return [left, right].map((row) => hashWhole(living(row, rules), rules)).join()
}

function hashWhole(row: Row | undefined, rules: RuleSet): string {
  try {
    return printHash(fingerprint(row, rules.root))
  } catch {
    return 'endless'
  }
}
