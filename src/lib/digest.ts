import { toHex, utf8 } from './encode.js'

/** SHA-256 over a text form of structured values that keeps types apart, as hex. */
export async function digest(subtle: SubtleCrypto, values: readonly unknown[]): Promise<string> {
  const blobs: Blob[] = []
  const text = values.map((value) => describe(value, blobs)).join('\n')
  const contents: string[] = []
  for (const blob of blobs)
    contents.push(await hash(subtle, new Uint8Array(await blob.arrayBuffer())))
  return hash(subtle, utf8([text, ...contents].join('\n')))
}

async function hash(subtle: SubtleCrypto, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await subtle.digest('SHA-256', bytes)))
}

/** Blobs can't be read at once: they are put aside in their order. What holds itself is named by its depth `above`. */
function describe(value: unknown, blobs: Blob[], above: readonly object[] = []): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'object':
      return value === null ? 'null' : describeObject(value, blobs, above)
    default:
      return `${typeof value}:${Object.is(value, -0) ? '-0' : String(value)}`
  }
}

function describeObject(value: object, blobs: Blob[], above: readonly object[]): string {
  const depth = above.indexOf(value)
  if (depth >= 0) return `^${depth}`
  const here = [...above, value]
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  const list = (items: Iterable<unknown>) =>
    Array.from(items, (item) => describe(item, blobs, here)).join()
  if (Array.isArray(value)) return `[${list(value)}]`
  if (isDate(value)) return `date:${value.getTime()}`
  if (value instanceof Blob) return `blob:${blobs.push(value)}:${value.size}:${value.type}`
  if (ArrayBuffer.isView(value)) {
    return `${kind}:${toHex(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))}`
  }
  if (kind === 'ArrayBuffer') return `${kind}:${toHex(new Uint8Array(value as ArrayBuffer))}`
  if (kind === 'Map' || kind === 'Set') return `${kind}[${list(value as Iterable<unknown>)}]`
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, held]) => `${JSON.stringify(key)}:${describe(held, blobs, here)}`).join()}}`
}

function isDate(value: object): value is { getTime(): number } {
  return Object.prototype.toString.call(value) === '[object Date]'
}
