import { fingerprint, printHash } from './hash.js'
import { bytesOf, fieldOf, type Instant, isObject, type Kind, kindOf, tagOf } from './kind.js'
import { meet, type Rule, ruleAt } from './rules.js'

/** One place where two values differ. */
export interface Difference {
  /** From the row down. */
  steps: readonly string[]
  left: unknown
  right: unknown
  rule: Rule | null
}

/** Where a walk stands, and what it found. */
interface Trail {
  steps: string[]
  differences: Difference[]
}

type Fields = Readonly<Record<string, unknown>>

/** Everywhere that two values differ by the rules: the one definition of equality, of which `isEqual` is the short form. */
export function findDifferences(left: unknown, right: unknown, rule: Rule | null): Difference[] {
  const trail: Trail = { steps: [], differences: [] }
  walk(left, right, rule, trail)
  return trail.differences
}

/** Whether nothing differs; goes no further than the first difference. */
export function isEqual(left: unknown, right: unknown, rule: Rule | null): boolean {
  return walk(left, right, rule, null)
}

function walk(left: unknown, right: unknown, rule: Rule | null, trail: Trail | null): boolean {
  if (rule && rule.waiting.length > 0) meetBoth(rule, left, right)
  if (left === right || rule?.ignored) return true
  const kind = sharedKind(left, right)
  if (kind === 'record') return walkRecords(left as Fields, right as Fields, rule, trail)
  if (kind === 'list' && !rule?.unordered) {
    const { length } = left as unknown[]
    if (length === (right as unknown[]).length) {
      return walkLists(left as unknown[], right as unknown[], rule, trail)
    }
  }
  const equal = kind
    ? holdSame(kind, left as object, right as object, rule)
    : isSameLeaf(left, right, rule)
  if (!equal) trail?.differences.push({ steps: [...trail.steps], left, right, rule })
  return equal
}

function meetBoth(rule: Rule, left: unknown, right: unknown): void {
  meet(rule, left)
  meet(rule, right)
}

function sharedKind(left: unknown, right: unknown): Kind | null {
  if (!isObject(left) || !isObject(right)) return null
  const kind = kindOf(left)
  return kind === kindOf(right) ? kind : null
}

function walkRecords(left: Fields, right: Fields, rule: Rule | null, trail: Trail | null): boolean {
  let equal = true
  let shared = 0
  for (const name of Object.keys(left)) {
    const other = fieldOf(right, name)
    if (other !== undefined) shared++
    equal = step(name, left[name], other, rule, trail) && equal
    if (!equal && !trail) return false
  }
  const others = Object.keys(right)
  if (others.length === shared) return equal
  for (const name of others) {
    if (Object.hasOwn(left, name)) continue
    equal = step(name, undefined, right[name], rule, trail) && equal
  }
  return equal
}

function walkLists(
  left: readonly unknown[],
  right: readonly unknown[],
  rule: Rule | null,
  trail: Trail | null,
): boolean {
  const { length } = left
  let equal = true
  for (let at = 0; at < length; at++) {
    equal = step(String(at), left[at], right[at], rule, trail) && equal
    if (!equal && !trail) return false
  }
  return equal
}

function step(
  name: string,
  left: unknown,
  right: unknown,
  rule: Rule | null,
  trail: Trail | null,
): boolean {
  const below = rule && ruleAt(rule, name)
  if (below ? below.ignored && below.waiting.length === 0 : left === right) return true
  trail?.steps.push(name)
  const equal = walk(left, right, below, trail)
  trail?.steps.pop()
  return equal
}

/** Absent, null and undefined are one; an instant is its ISO text; both zeros are one, and NaN is itself. */
function isSameLeaf(left: unknown, right: unknown, rule: Rule | null): boolean {
  if (typeof left === 'number' && typeof right === 'number') {
    const { tolerance = 0 } = rule ?? {}
    return Math.abs(left - right) <= tolerance || (Number.isNaN(left) && Number.isNaN(right))
  }
  if (isObject(left)) return isInstant(left, right)
  if (isObject(right)) return isInstant(right, left)
  return (left ?? null) === (right ?? null)
}

function isInstant(date: object, text: unknown): boolean {
  return (
    typeof text === 'string' && kindOf(date) === 'date' && (date as Instant).toISOString() === text
  )
}

function holdSame(kind: Kind, left: object, right: object, rule: Rule | null): boolean {
  switch (kind) {
    case 'date':
      return (left as Instant).getTime() === (right as Instant).getTime()
    case 'file':
      return isSameFile(left as Blob, right as Blob)
    case 'bytes':
      return tagOf(left) === tagOf(right) && isSameBytes(left as ArrayBuffer, right as ArrayBuffer)
    case 'list':
      return isSameBag(left as unknown[], right as unknown[], rule?.any ?? null)
    case 'set':
    case 'map':
      return isSameBag([...(left as Set<unknown>)], [...(right as Set<unknown>)], null)
    default:
      return tagOf(left) === tagOf(right) && String(left) === String(right)
  }
}

function isSameFile(left: Blob, right: Blob): boolean {
  return left.size === right.size && left.type === right.type
}

function isSameBytes(left: ArrayBuffer, right: ArrayBuffer): boolean {
  const [a, b] = [bytesOf(left), bytesOf(right)]
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}

/** Whether each member of one list has a partner in the other. Hashes only say where to look. */
function isSameBag(
  left: readonly unknown[],
  right: readonly unknown[],
  rule: Rule | null,
): boolean {
  if (left.length !== right.length) return false
  const byHash = new Map<string, unknown[]>()
  for (const member of right) {
    const hash = printHash(fingerprint(member, rule))
    const alike = byHash.get(hash)
    if (alike) alike.push(member)
    else byHash.set(hash, [member])
  }
  return left.every((member) => {
    const alike = byHash.get(printHash(fingerprint(member, rule))) ?? []
    const at = alike.findIndex((other) => isEqual(member, other, rule))
    if (at < 0) return false
    alike.splice(at, 1)
    return true
  })
}
