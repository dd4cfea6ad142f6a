import { GraySyncError } from '../model/errors.js'
import type { DigestQuestion, Source } from '../model/source.js'
import { reread, type Suspect } from './confirm.js'
import { type AskDigest, createDigest, findDiffering } from './digest.js'
import { printHash } from './hash.js'
import type { Slices } from './pace.js'
import type { Pair } from './pairs.js'
import { createProgress, drawSalt, type Reading } from './request.js'
import type { RuleSet } from './rules.js'

const PAGE = 500

/** What is needed to compare a table with a copy that tells sums. */
export interface Locating extends Reading {
  table: string
  set: RuleSet
  slices: Slices
}

/** The side that is far away and tells sums, and the one that is read. */
export interface Remote {
  near: Source
  far: Source
}

/** `null` where both are to be read. */
export function findRemote({ left, right }: Reading): Remote | null {
  if (right.digest) return { near: left, far: right }
  return left.digest ? { near: right, far: left } : null
}

/** The pairs that sums do not call equal; tells first how many rows they do. */
export async function* pairApart(
  o: Locating,
  remote: Remote,
  onEqual: (rows: number) => void,
): AsyncGenerator<readonly Pair[]> {
  const { keys, equal } = await locate(o, remote)
  onEqual(equal)
  const unread = keys.map((key): Suspect => ({ key, held: '', at: 0 }))
  for await (const { pairs } of reread(unread, o)) {
    if (!pairs) throw new GraySyncError('AUDIT', `table "${o.table}" can't be read`)
    yield pairs
  }
}

/** The keys of all rows in which two copies may differ, and how many rows do not. Only one of them is read. */
async function locate(
  o: Locating,
  { near, far }: Remote,
): Promise<{ keys: readonly IDBValidKey[]; equal: number }> {
  const { table, set, slices, read, platform } = o
  const salt = drawSalt(platform)
  const digest = createDigest(set, salt)
  const progress = await createProgress(o, table)
  let after: IDBValidKey | undefined
  for (;;) {
    const rows = await read(near, table, () => near.page(table, after, PAGE))
    const last = rows.at(-1)
    if (!last) break
    for (const { key, row } of rows) {
      if (slices.isSpent()) await slices.pause()
      digest.add(key, row)
    }
    progress(rows.length)
    after = last.key
  }
  const ignore = set.ignored().map((steps) => steps.map((step) => (isAny(step) ? null : step)))
  const ask: AskDigest = (prefixes) => {
    const question: DigestQuestion = { salt: printHash(salt), ignore, prefixes }
    return read(far, table, async () => (await far.digest?.(table, question)) ?? [])
  }
  const keys = await findDiffering(digest, ask)
  return { keys, equal: digest.count() - keys.filter((key) => digest.has(key)).length }
}

function isAny(step: string | symbol): step is symbol {
  return typeof step === 'symbol'
}
