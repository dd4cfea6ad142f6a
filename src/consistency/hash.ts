import { bytesOf, type Instant, isObject, kindOf, tagOf } from './kind.js'
import { type Rule, ruleAt } from './rules.js'

/** 64 bits in two independently mixed lanes, each a 32-bit integer. */
export interface Fingerprint {
  high: number
  low: number
}

/** What a value's hash begins with, so that kinds never meet. */
const TAGS = {
  absent: 1,
  truth: 2,
  number: 3,
  near: 4,
  text: 5,
  bigint: 6,
  list: 7,
  record: 8,
  bag: 9,
  file: 10,
  bytes: 11,
  other: 12,
  entry: 13,
}

const UNSALTED: Fingerprint = { high: 0, low: 0 }
const scratch = new DataView(new ArrayBuffer(8))

/**
 * Hashes a value as the rules see it: what counts as equal has one hash, and what differs has two but for a chance of
 * 2^-64. Only numbers with a tolerance are coarser: of them, the hash knows that they are numbers.
 */
export function fingerprint(
  value: unknown,
  rule: Rule | null,
  salt: Fingerprint = UNSALTED,
): Fingerprint {
  if (rule?.ignored) return hashParts(TAGS.absent, [], salt)
  if (!isObject(value)) return hashLeaf(value, rule, salt)
  switch (kindOf(value)) {
    case 'list':
      return hashList(value as unknown[], rule, salt)
    case 'record':
      return hashRecord(value as Readonly<Record<string, unknown>>, rule, salt)
    case 'date':
      return hashParts(TAGS.text, [(value as Instant).toISOString()], salt)
    case 'set':
      return hashBag([...(value as Set<unknown>)], null, 'Set', salt)
    case 'map':
      return hashBag([...(value as Map<unknown, unknown>)], null, 'Map', salt)
    case 'file':
      return hashParts(TAGS.file, [(value as Blob).size, (value as Blob).type], salt)
    case 'bytes':
      return hashParts(TAGS.bytes, [tagOf(value), ...bytesOf(value as ArrayBuffer)], salt)
    default:
      return hashParts(TAGS.other, [tagOf(value), String(value)], salt)
  }
}

/** Sixteen hexadecimal digits. */
export function printHash({ high, low }: Fingerprint): string {
  const hex = (lane: number) => (lane >>> 0).toString(16).padStart(8, '0')
  return hex(high) + hex(low)
}

/** Adds lane by lane: the sum of many does not depend on their order, and no two equal ones cancel out. */
export function addHash(sum: Fingerprint, more: Fingerprint): void {
  sum.high = (sum.high + more.high) | 0
  sum.low = (sum.low + more.low) | 0
}

function hashLeaf(value: unknown, rule: Rule | null, salt: Fingerprint): Fingerprint {
  switch (typeof value) {
    case 'string':
      return hashParts(TAGS.text, [value], salt)
    case 'number':
      return rule && rule.tolerance > 0 ? hashParts(TAGS.near, [], salt) : hashNumber(value, salt)
    case 'boolean':
      return hashParts(TAGS.truth, [Number(value)], salt)
    case 'bigint':
      return hashParts(TAGS.bigint, [String(value)], salt)
    default:
      return hashParts(TAGS.absent, [], salt)
  }
}

function hashNumber(value: number, salt: Fingerprint): Fingerprint {
  // The two zeros are one number, and every NaN has one pattern.
  scratch.setFloat64(0, Number.isNaN(value) ? Number.NaN : value + 0, true)
  return hashParts(TAGS.number, [scratch.getInt32(0, true), scratch.getInt32(4, true)], salt)
}

function hashParts(tag: number, parts: Iterable<string | number>, salt: Fingerprint): Fingerprint {
  const lanes = begin(tag, salt)
  for (const part of parts) {
    if (typeof part === 'string') absorbText(lanes, part)
    else absorb(lanes, part)
  }
  return finish(lanes)
}

function hashList(list: readonly unknown[], rule: Rule | null, salt: Fingerprint): Fingerprint {
  if (rule?.unordered) return hashBag(list, rule, 'Array', salt)
  const lanes = begin(TAGS.list, salt)
  absorb(lanes, list.length)
  for (let at = 0; at < list.length; at++) {
    absorbHash(lanes, fingerprint(list[at], rule && ruleAt(rule, String(at)), salt))
  }
  return finish(lanes)
}

function hashBag(
  members: readonly unknown[],
  rule: Rule | null,
  label: string,
  salt: Fingerprint,
): Fingerprint {
  const sum = { high: 0, low: 0 }
  for (const member of members) addHash(sum, fingerprint(member, rule?.any ?? null, salt))
  const lanes = begin(TAGS.bag, salt)
  absorbText(lanes, label)
  absorb(lanes, members.length)
  absorbHash(lanes, sum)
  return finish(lanes)
}

function hashRecord(
  record: Readonly<Record<string, unknown>>,
  rule: Rule | null,
  salt: Fingerprint,
): Fingerprint {
  const sum = { high: 0, low: 0 }
  for (const name of Object.keys(record)) {
    const value = record[name]
    if (value === undefined || value === null) continue
    const below = rule && ruleAt(rule, name)
    if (below?.ignored) continue
    const entry = begin(TAGS.entry, salt)
    absorbText(entry, name)
    absorbHash(entry, fingerprint(value, below, salt))
    addHash(sum, finish(entry))
  }
  const lanes = begin(TAGS.record, salt)
  absorbHash(lanes, sum)
  return finish(lanes)
}

function begin(tag: number, salt: Fingerprint): Fingerprint {
  const lanes = { high: salt.high, low: salt.low }
  absorb(lanes, tag)
  return lanes
}

function absorbText(lanes: Fingerprint, text: string): void {
  const { length } = text
  absorb(lanes, length)
  for (let at = 0; at < length; at += 2) {
    // Past the end there is NaN, which is 0 here; the length tells the two apart.
    absorb(lanes, text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16))
  }
}

function absorbHash(lanes: Fingerprint, hash: Fingerprint): void {
  absorb(lanes, hash.high)
  absorb(lanes, hash.low)
}

/** Murmur3's round, once with the multipliers of its 32-bit and once with those of its 128-bit form. */
function absorb(lanes: Fingerprint, word: number): void {
  let one = Math.imul(word, 0xcc9e2d51)
  one = lanes.high ^ Math.imul((one << 15) | (one >>> 17), 0x1b873593)
  lanes.high = (Math.imul((one << 13) | (one >>> 19), 5) + 0xe6546b64) | 0
  let two = Math.imul(word, 0xa1e38b93)
  two = lanes.low ^ Math.imul((two << 16) | (two >>> 16), 0xab0e9789)
  lanes.low = (Math.imul((two << 17) | (two >>> 15), 5) + 0x0bcaa747) | 0
}

function finish(lanes: Fingerprint): Fingerprint {
  lanes.high = (lanes.high + lanes.low) | 0
  lanes.low = (lanes.low + lanes.high) | 0
  lanes.high = scramble(lanes.high)
  lanes.low = scramble(lanes.low)
  lanes.high = (lanes.high + lanes.low) | 0
  lanes.low = (lanes.low + lanes.high) | 0
  return lanes
}

function scramble(lane: number): number {
  let h = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
