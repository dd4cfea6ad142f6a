import { keyText } from '../lib/keys.js'
import { md5 } from '../lib/md5.js'
import type { DigestAnswer, HashedRow } from '../model/source.js'
import { canonOf } from './canon.js'
import type { Row } from './compare.js'
import { addHash, type Fingerprint, printHash } from './hash.js'
import type { RuleSet } from './rules.js'

/** Six bits each: of a place in the tree, and of the sums on the wire. */
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** Digits of 64 bits. */
const LENGTH = 11
/** A part of the tree with no more rows than this is told row by row. */
const FEW = 4

/** The sums of a copy's rows, by the hashes of their keys: what two copies compare before a row is sent. */
export interface Digest {
  add(key: IDBValidKey, row: Row): void
  /** Of the parts beneath the one that a prefix of digits names, by their digits; the empty prefix names all. */
  sums(prefix: string): ReadonlyMap<string, string>
  rows(prefix: string): readonly HashedRow[]
  has(key: IDBValidKey): boolean
  count(): number
}

/** Asks another copy about parts of its tree; answers come in the order of the prefixes. */
export type AskDigest = (prefixes: readonly string[]) => Promise<readonly DigestAnswer[]>

/**
 * Makes an empty digest. Both copies need the same salt, and ignore the same places: what else rules forgive is found
 * here and forgiven when the rows are compared. With a new salt for each comparison, rows that once collided are told
 * apart the next time.
 */
export function createDigest(rules: RuleSet, salt: Fingerprint): Digest {
  // By the first two digits, so that a walk over one part is never a walk over all rows.
  const keys = new Set<string>()
  const buckets = new Map<string, { key: IDBValidKey; place: string; hash: Fingerprint }[]>()
  const salted = printHash(salt)
  function* under(prefix: string) {
    const two = prefix.slice(0, 2)
    for (const bucket of two.length === 2 ? [buckets.get(two) ?? []] : buckets.values()) {
      for (const entry of bucket) if (entry.place.startsWith(prefix)) yield entry
    }
  }
  return {
    add(key, row) {
      if (rules.isDeleted(row)) return
      keys.add(keyText(key))
      const name = `${salted}\n${keyText(key)}`
      const place = printDigits(md5(name))
      const entry = { key, place, hash: md5(`${name}\n${canonOf(row, rules.root)}`) }
      const bucket = buckets.get(place.slice(0, 2))
      if (bucket) bucket.push(entry)
      else buckets.set(place.slice(0, 2), [entry])
    },
    sums(prefix) {
      const sums = new Map<string, Fingerprint>()
      for (const { place, hash } of under(prefix)) {
        const digit = place.charAt(prefix.length)
        const sum = sums.get(digit)
        if (sum) addHash(sum, hash)
        else sums.set(digit, { ...hash })
      }
      return new Map([...sums].map(([digit, sum]) => [digit, printDigits(sum)]))
    },
    has: (key) => keys.has(keyText(key)),
    count: () => keys.size,
    rows: (prefix) => [...under(prefix)].map(({ key, hash }) => [key, printHash(hash)]),
  }
}

/** What a copy answers when it is asked about a part of its tree. */
export function answerDigest(digest: Digest, prefix: string): DigestAnswer {
  const rows = digest.rows(prefix)
  if (rows.length <= FEW) return { rows }
  return { sums: [...digest.sums(prefix)].map((part) => part.join('')).join('') }
}

/** The keys of all rows in which a copy differs from another, which is asked about ever smaller parts of its tree. */
export async function findDiffering(mine: Digest, ask: AskDigest): Promise<IDBValidKey[]> {
  const found: IDBValidKey[] = []
  let open: readonly string[] = ['']
  while (open.length > 0) {
    const answers = await ask(open)
    const parts = open.map((prefix, at) => compare(mine, prefix, answers[at] ?? { rows: [] }))
    found.push(...parts.flatMap(({ keys }) => keys))
    open = parts.flatMap(({ open }) => open)
  }
  return found
}

interface Compared {
  /** Of rows that differ for sure. */
  keys: IDBValidKey[]
  /** Parts that differ somewhere. */
  open: string[]
}

function compare(mine: Digest, prefix: string, theirs: DigestAnswer): Compared {
  if ('rows' in theirs) return { keys: unlike(mine.rows(prefix), theirs.rows), open: [] }
  const own = mine.sums(prefix)
  const other = readSums(theirs.sums)
  const lonely = [...own.keys()].filter((digit) => !other.has(digit))
  const open = [...other].filter(([digit, sum]) => own.get(digit) !== sum)
  return {
    keys: lonely.flatMap((digit) => mine.rows(prefix + digit).map(([key]) => key)),
    open: open.map(([digit]) => prefix + digit),
  }
}

function readSums(text: string): Map<string, string> {
  const sums = new Map<string, string>()
  for (let at = 0; at < text.length; at += 1 + LENGTH) {
    sums.set(text.charAt(at), text.slice(at + 1, at + 1 + LENGTH))
  }
  return sums
}

/** Keys of rows that only one side holds, or both with another hash. */
function unlike(mine: readonly HashedRow[], theirs: readonly HashedRow[]): IDBValidKey[] {
  const left = new Map(mine.map(([key, hash]) => [keyText(key), hash]))
  const right = new Map(theirs.map(([key, hash]) => [keyText(key), hash]))
  const keys = new Map([...mine, ...theirs].map(([key]) => [keyText(key), key]))
  return [...keys].flatMap(([text, key]) => (left.get(text) === right.get(text) ? [] : [key]))
}

function printDigits({ high, low }: Fingerprint): string {
  let bits = (BigInt(high >>> 0) << 34n) | (BigInt(low >>> 0) << 2n)
  let text = ''
  for (let at = 0; at < LENGTH; at++) {
    text = DIGITS.charAt(Number(bits & 63n)) + text
    bits >>= 6n
  }
  return text
}
