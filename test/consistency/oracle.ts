import type { TableRules } from '../../src/model/source.js'

/**
 * The slow and obvious way to say what a value is by the rules: one text, the same for equal values only.
 * Shares nothing with the code under test, and knows nothing of tolerance and defaults.
 */
export function canon(value: unknown, rules: TableRules = {}, path: string[] = []): string {
  const skipped = [...(rules.ignore ?? []), ...(rules.tombstone ? [rules.tombstone] : [])]
  if (isRuled(skipped, path) || value === null || value === undefined) {
    return 'nothing'
  }
  if (typeof value === 'object') return canonObject(value, rules, path)
  if (typeof value === 'number') return `number ${value + 0}`
  return typeof value === 'string' ? `text ${JSON.stringify(value)}` : `${typeof value} ${value}`
}

function canonObject(value: object, rules: TableRules, path: string[]): string {
  const all = (members: Iterable<unknown>) => [...members].map((one) => canon(one)).sort()
  if (value instanceof Map) return `map [${all(value)}]`
  if (value instanceof Set) return `set [${all(value)}]`
  if (value instanceof Blob) return `file ${value.size} ${value.type}`
  if (value instanceof Date) {
    return Number.isNaN(+value) ? 'invalid date' : `text ${JSON.stringify(value.toISOString())}`
  }
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    return `bytes ${value.constructor.name} ${bytes}`
  }
  if (Array.isArray(value)) {
    const members = Array.from(value, (one, at) => canon(one, rules, [...path, String(at)]))
    return `list [${isRuled(rules.unordered, path) ? members.sort() : members}]`
  }
  const fields = Object.entries(value)
    .map(([name, one]) => [JSON.stringify(name), canon(one, rules, [...path, name])])
    .filter(([, text]) => text !== 'nothing')
  return `record {${fields.map((field) => field.join(':')).sort()}}`
}

/** Whether one of the paths means this very place. */
export function isRuled(paths: readonly string[] | undefined, place: readonly string[]): boolean {
  return (paths ?? []).some((path) => {
    const steps = path.split('.')
    return (
      steps.length === place.length && steps.every((one, at) => one === '*' || one === place[at])
    )
  })
}

export interface Opinion {
  kind: 'equal' | 'defaults' | 'missing' | 'extra' | 'changed'
  paths: string[]
}

/** What a person with time and patience would say of the two rows of one key. */
export function judgeSlowly(left: unknown, right: unknown, rules: TableRules): Opinion {
  const [a, b] = [livingRow(left, rules), livingRow(right, rules)]
  if (a === null && b === null) return { kind: 'equal', paths: [] }
  if (a === null || b === null) return { kind: a === null ? 'extra' : 'missing', paths: [] }
  const places = listPlaces(a, b, rules, [])
  const real = places.filter((place) => !isFilledIn(place, rules))
  if (real.length > 0)
    return { kind: 'changed', paths: real.map(({ path }) => path.join('.')).sort() }
  return { kind: places.length > 0 ? 'defaults' : 'equal', paths: [] }
}

interface Place {
  path: string[]
  left: unknown
  right: unknown
}

function livingRow(row: unknown, { tombstone }: TableRules): unknown {
  if (row === undefined) return null
  let flag: unknown = tombstone === undefined ? undefined : row
  for (const step of tombstone?.split('.') ?? []) flag = (flag as Record<string, unknown>)?.[step]
  return flag === true ? null : row
}

function listPlaces(left: unknown, right: unknown, rules: TableRules, path: string[]): Place[] {
  if (canon(left, rules, path) === canon(right, rules, path)) return []
  if (typeof left === 'number' && typeof right === 'number') {
    for (const [one, eps] of Object.entries(rules.tolerance ?? {})) {
      if (isRuled([one], path) && Math.abs(left - right) <= eps) return []
    }
  }
  const names = namesWithin(left, right, isRuled(rules.unordered, path))
  if (!names) return [{ path, left, right }]
  const inside = (value: unknown, name: string) =>
    Object.entries(value as object).find(([one]) => one === name)?.[1] as unknown
  return names.flatMap((name) =>
    listPlaces(inside(left, name), inside(right, name), rules, [...path, name]),
  )
}

/** The fields or indexes to look at one by one; `null` where two values differ as a whole. */
function namesWithin(left: unknown, right: unknown, isUnordered: boolean): string[] | null {
  if (Array.isArray(left) && Array.isArray(right)) {
    return isUnordered || left.length !== right.length ? null : Object.keys(left)
  }
  if (!isRecord(left) || !isRecord(right)) return null
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
}

function isRecord(value: unknown): value is object {
  return Object.prototype.toString.call(value) === '[object Object]'
}

function isFilledIn({ path, left, right }: Place, { defaults = {} }: TableRules): boolean {
  const fills = Object.entries(defaults).flatMap(([one, values]) =>
    isRuled([one], path) ? values.map((value) => canon(value)) : [],
  )
  return fills.includes(canon(left)) || fills.includes(canon(right))
}
