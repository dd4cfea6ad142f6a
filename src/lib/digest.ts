import { toHex, utf8 } from './encode.js'

/** SHA-256 over a text form of structured values that keeps types apart, as hex. */
export async function digest(subtle: SubtleCrypto, values: readonly unknown[]): Promise<string> {
  const text = values.map(describe).join('\n')
  return toHex(new Uint8Array(await subtle.digest('SHA-256', utf8(text))))
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'object':
      return value === null ? 'null' : describeObject(value)
    default:
      return `${typeof value}:${Object.is(value, -0) ? '-0' : String(value)}`
  }
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(describe).join()}]`
  if (isDate(value)) return `date:${value.getTime()}`
  if (value instanceof Blob) return `blob:${value.size}:${value.type}`
  if (ArrayBuffer.isView(value)) {
    return `bytes:${toHex(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))}`
  }
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, held]) => `${JSON.stringify(key)}:${describe(held)}`).join()}}`
}

function isDate(value: object): value is { getTime(): number } {
  return Object.prototype.toString.call(value) === '[object Date]'
}
