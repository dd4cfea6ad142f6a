/** What a stored value is, as far as comparing it goes. */
export type Kind = 'list' | 'record' | 'date' | 'file' | 'bytes' | 'set' | 'map' | 'other'

/** A stored date, as far as it is read. */
export interface Instant {
  getTime(): number
  toISOString(): string
}

const KINDS: Readonly<Record<string, Kind>> = {
  Date: 'date',
  Blob: 'file',
  File: 'file',
  ArrayBuffer: 'bytes',
  SharedArrayBuffer: 'bytes',
  DataView: 'bytes',
  Set: 'set',
  Map: 'map',
  Object: 'record',
}

/** Kinds by prototype: asking for a tag costs more than comparing two texts. */
const known = new WeakMap<object, Kind>()

/** Tells kinds by tag, so that values of another frame are known too. */
export function kindOf(value: object): Kind {
  if (Array.isArray(value)) return 'list'
  const prototype: object | null = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return 'record'
  const kind = known.get(prototype) ?? learnKind(value, prototype)
  // A date that is none has no ISO text to be equal to.
  return kind === 'date' && Number.isNaN((value as Instant).getTime()) ? 'other' : kind
}

function learnKind(value: object, prototype: object): Kind {
  const kind = ArrayBuffer.isView(value) ? 'bytes' : (KINDS[tagOf(value)] ?? 'other')
  known.set(prototype, kind)
  return kind
}

export function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1)
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

export function bytesOf(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
}

/** Looks a field up by its own name only: `toString` of every object is no field of a row. */
export function fieldOf(record: Readonly<Record<string, unknown>>, name: string): unknown {
  const value = record[name]
  if (typeof value !== 'function' && name !== '__proto__') return value
  return Object.hasOwn(record, name) ? value : undefined
}
