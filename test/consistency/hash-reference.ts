/**
 * The hash once more, in whole numbers of any size and one step at a time, to hold the quick one against. A value becomes
 * a list of 32-bit words; two lanes take them in one by one, and their bits are spread at the end.
 */
const MASK = 0xffff_ffffn
const TAGS: Record<string, bigint> = {
  absent: 1n,
  boolean: 2n,
  number: 3n,
  string: 5n,
  bigint: 6n,
  list: 7n,
  record: 8n,
  entry: 13n,
}

type Lanes = readonly [bigint, bigint]

export function referenceHash(value: unknown, salt: Lanes = [0n, 0n]): string {
  return hash(value, salt)
    .map((lane) => lane.toString(16).padStart(8, '0'))
    .join('')
}

function hash(value: unknown, salt: Lanes): Lanes {
  if (value === null || value === undefined) return lanes([TAGS.absent], salt)
  if (value instanceof Date) return hash(value.toISOString(), salt)
  if (Array.isArray(value)) {
    const members = value.flatMap((one) => [...hash(one, salt)])
    return lanes([TAGS.list, BigInt(value.length), ...members], salt)
  }
  if (typeof value === 'object') return hashRecord(value, salt)
  if (typeof value === 'boolean') return lanes([TAGS.boolean, value ? 1n : 0n], salt)
  if (typeof value === 'number') return lanes([TAGS.number, ...wordsOfNumber(value)], salt)
  return lanes([TAGS[typeof value], ...wordsOfText(String(value))], salt)
}

function hashRecord(value: object, salt: Lanes): Lanes {
  const entries = Object.entries(value)
    .filter(([, one]) => one !== null && one !== undefined)
    .map(([name, one]) => lanes([TAGS.entry, ...wordsOfText(name), ...hash(one, salt)], salt))
  const sum = (lane: 0 | 1) => entries.reduce((all, entry) => (all + entry[lane]) & MASK, 0n)
  return lanes([TAGS.record, sum(0), sum(1)], salt)
}

/** Length first, then pairs of UTF-16 units, the first in the low half. */
function wordsOfText(text: string): bigint[] {
  const units = Array.from({ length: text.length }, (_, at) => BigInt(text.charCodeAt(at)))
  const words = [BigInt(text.length)]
  for (let at = 0; at < units.length; at += 2)
    words.push((units[at] ?? 0n) | ((units[at + 1] ?? 0n) << 16n))
  return words
}

/** The double's bits, low word first. */
function wordsOfNumber(value: number): bigint[] {
  const bits = new BigUint64Array(new Float64Array([value === 0 ? 0 : value]).buffer)[0] ?? 0n
  return [bits & MASK, bits >> 32n]
}

function lanes(words: readonly (bigint | undefined)[], [saltHigh, saltLow]: Lanes): Lanes {
  let [high, low] = [saltHigh & MASK, saltLow & MASK]
  for (const word of words) {
    high = round(high, word ?? 0n, [0xcc9e2d51n, 15n, 0x1b873593n, 13n, 0xe6546b64n])
    low = round(low, word ?? 0n, [0xa1e38b93n, 16n, 0xab0e9789n, 17n, 0x0bcaa747n])
  }
  high = (high + low) & MASK
  low = (low + high) & MASK
  high = spread(high)
  low = spread(low)
  high = (high + low) & MASK
  low = (low + high) & MASK
  return [high, low]
}

function round(
  lane: bigint,
  word: bigint,
  [a, turnA, b, turnB, c]: readonly [bigint, bigint, bigint, bigint, bigint],
): bigint {
  const mixed = (turn((word * a) & MASK, turnA) * b) & MASK
  return (turn(lane ^ mixed, turnB) * 5n + c) & MASK
}

function turn(word: bigint, by: bigint): bigint {
  return ((word << by) | (word >> (32n - by))) & MASK
}

function spread(lane: bigint): bigint {
  let mixed = ((lane ^ (lane >> 16n)) * 0x85ebca6bn) & MASK
  mixed = ((mixed ^ (mixed >> 13n)) * 0xc2b2ae35n) & MASK
  return mixed ^ (mixed >> 16n)
}
