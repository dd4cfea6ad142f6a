import { murmur3 } from './murmur.js'

/** A UUIDv7: sorts by time, and is unique by its 74 random bits. Each record wants one, so it is made of few numbers. */
export function mintId(atMs: number, random: Uint8Array): string {
  const time = toDigits(Math.floor(atMs), 12)
  const draw = (at: number) => ((random[at] ?? 0) << 8) | (random[at + 1] ?? 0)
  const version = toDigits(0x7000 | (draw(6) & 0x0fff), 4)
  const variant = toDigits(0x8000 | (draw(8) & 0x3fff), 4)
  const rest = toDigits(draw(10), 4) + toDigits(draw(12) * 0x10000 + draw(14), 8)
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}-${rest}`
}

function toDigits(value: number, length: number): string {
  return value.toString(16).padStart(length, '0')
}

function dash(hex: string): string {
  const [a, b, c, d] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)]
  return `${a}-${b}-${c}-${d}-${hex.slice(20)}`
}

const VOLATILE = new Set([
  'status',
  'state',
  'retryCount',
  'retries',
  'attempts',
  'lastAttempt',
  'lastAttemptAt',
  'nextRetryTime',
  'nextRetryAt',
  'processingTime',
  'error',
  'errorMessage',
  'operationMetadata',
])

/**
 * Gives a row of an old queue the id it never had: the same row gets the same id at each reading.
 * `ordinal` tells equal rows of one queue apart, counted from 0 in queue order: rows are equal that have the same id at 0.
 * Fields that change between attempts (status, retry counts, errors) do not count.
 *
 * @example
 * const seen = new Map<string, number>()
 * const id = deriveOperationId('cardall_sync_queue', row, 0)
 */
export function deriveOperationId(store: string, content: unknown, ordinal: number): string {
  const text = `${store}\n${canonical(content, true)}\n${ordinal}`
  const words = [1, 2, 3, 4].map((seed) => murmur3(text, seed).toString(16).padStart(8, '0'))
  return dash(words.join(''))
}

function canonical(value: unknown, top: boolean): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, false)).join()}]`
  // Dates and whatever else says its own JSON.
  if (typeof value !== 'object' || value === null || 'toJSON' in value) {
    return JSON.stringify(value) ?? 'null'
  }
  const entries = Object.entries(value)
    .filter(([key, held]) => held !== undefined && !(top && VOLATILE.has(key)))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, held]) => `${JSON.stringify(key)}:${canonical(held, false)}`).join()}}`
}
