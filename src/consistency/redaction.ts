import type { Difference } from './equality.js'
import { type Fingerprint, fingerprint, printHash } from './hash.js'
import { bytesOf, type Instant, isObject, kindOf } from './kind.js'
import { joinPath } from './path.js'

const LONGEST_SHOWN = 200

/** By path, what the two sides hold at their differences. Only what the rules show is readable. */
export function describeValues(
  differences: readonly Difference[],
  salt: Fingerprint,
): Record<string, readonly [string, string]> {
  return Object.fromEntries(
    differences.map(({ steps, left, right, rule }) => {
      const say = rule?.shown ? show : (value: unknown) => redact(value, salt)
      return [joinPath(steps), [say(left), say(right)] as const]
    }),
  )
}

/** Type, size where there is one, and a hash that only values of the same report can be compared by. */
function redact(value: unknown, salt: Fingerprint): string {
  if (value === undefined || value === null) return 'absent'
  return `${shapeOf(value)} #${printHash(fingerprint(value, null, salt))}`
}

function shapeOf(value: unknown): string {
  if (typeof value === 'string') return `text(${value.length})`
  if (!isObject(value)) return typeof value
  const kind = kindOf(value)
  const size = sizeOf(value, kind)
  return size === null ? kind : `${kind}(${size})`
}

function sizeOf(value: object, kind: ReturnType<typeof kindOf>): number | null {
  switch (kind) {
    case 'list':
      return (value as unknown[]).length
    case 'record':
      return Object.keys(value).length
    case 'file':
    case 'set':
    case 'map':
      return (value as Blob & Set<unknown>).size
    case 'bytes':
      return bytesOf(value as ArrayBuffer).length
    default:
      return null
  }
}

function show(value: unknown): string {
  if (value === undefined || value === null) return 'absent'
  if (isObject(value) && kindOf(value) === 'date') return (value as Instant).toISOString()
  const text = JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? String(one) : one))
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text
}
