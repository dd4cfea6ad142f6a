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
