/** Ranks of the kinds of IndexedDB keys, lowest first. */
const NUMBER = 1
const DATE = 2
const TEXT = 3
const BINARY = 4
const LIST = 5

/** Orders two keys as IndexedDB does: numbers, dates, texts by UTF-16 units, binary, lists. */
export function compareKeys(a: IDBValidKey, b: IDBValidKey): number {
  if (typeof a === 'string' && typeof b === 'string') return order(a, b)
  const rank = rankOf(a)
  const apart = rank - rankOf(b)
  if (apart !== 0 || rank === 0) return Math.sign(apart)
  if (rank === LIST) return compareLists(a as IDBValidKey[], b as IDBValidKey[])
  if (rank === BINARY) return compareBytes(toBytes(a as BufferSource), toBytes(b as BufferSource))
  return order(Number(a), Number(b))
}

/** Whether a value may be a key; a list only when all its members may. */
export function isKey(value: unknown): value is IDBValidKey {
  const rank = rankOf(value)
  if (rank === LIST) return (value as unknown[]).every(isKey)
  return rank === TEXT || rank === BINARY || (rank > 0 && !Number.isNaN(Number(value)))
}

/** A text that is the same for equal keys only: what maps and sets of keys are indexed by. */
export function keyText(key: IDBValidKey): string {
  switch (rankOf(key)) {
    case TEXT:
      return `s${key}`
    case NUMBER:
      // The two zeros are one key.
      return `n${Number(key) + 0}`
    case DATE:
      return `d${Number(key)}`
    case LIST:
      return JSON.stringify((key as IDBValidKey[]).map(keyText))
    default:
      return `b${toBytes(key as BufferSource).join()}`
  }
}

/** The key of a row by the key path of its table; `null` where the table keeps keys beside the rows. */
export function keyReader(
  keyPath: string | readonly string[] | null | undefined,
): ((row: Readonly<Record<string, unknown>>) => IDBValidKey) | null {
  if (typeof keyPath === 'string') {
    const steps = keyPath.split('.')
    return keyPath === '' ? null : (row) => valueAt(row, steps) as IDBValidKey
  }
  if (!keyPath) return null
  const paths = keyPath.map((path) => path.split('.'))
  return (row) => paths.map((steps) => valueAt(row, steps) as IDBValidKey)
}

export function valueAt(value: unknown, steps: readonly string[]): unknown {
  let at = value
  for (const step of steps) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Record<string, unknown>)[step]
  }
  return at
}

function rankOf(key: unknown): number {
  if (typeof key === 'number') return NUMBER
  if (typeof key === 'string') return TEXT
  if (Array.isArray(key)) return LIST
  const tag = Object.prototype.toString.call(key)
  if (tag === '[object Date]') return DATE
  return tag === '[object ArrayBuffer]' || ArrayBuffer.isView(key) ? BINARY : 0
}

function order<T extends string | number>(a: T, b: T): number {
  if (a < b) return -1
  return a > b ? 1 : 0
}

function compareLists(a: readonly IDBValidKey[], b: readonly IDBValidKey[]): number {
  for (const [at, member] of a.entries()) {
    const other = b[at]
    const apart = other === undefined ? 1 : compareKeys(member, other)
    if (apart !== 0) return apart
  }
  return a.length < b.length ? -1 : 0
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const { length } = a
  for (let at = 0; at < length; at++) {
    const apart = order(a[at] ?? 0, b[at] ?? -1)
    if (apart !== 0) return apart
  }
  return length < b.length ? -1 : 0
}

function toBytes(key: BufferSource): Uint8Array {
  return ArrayBuffer.isView(key)
    ? new Uint8Array(key.buffer, key.byteOffset, key.byteLength)
    : new Uint8Array(key)
}
