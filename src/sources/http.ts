import { compareKeys, isKey, keyText } from '../lib/keys.js'
import { GraySyncError } from '../model/errors.js'
import type { Awaitable } from '../model/operation.js'
import type { Fetch } from '../model/platform.js'
import type { Source, SourceRow } from '../model/source.js'

/** Where a server's copy is read. */
export interface HttpSourceOptions {
  /** Of the copy, without a slash at its end; the table's name is appended. */
  url: string
  /** Tables that the server shows. */
  tables: readonly string[]
  /** How reports call it. @default 'server' */
  name?: string
  /** @default the global fetch */
  fetch?: Fetch
  /** Sent with every request; a function is asked each time, so that a token may change. @default none */
  headers?: Readonly<Record<string, string>> | (() => Awaitable<Readonly<Record<string, string>>>)
  /** A request that takes longer has failed, in ms. @default 30000 */
  timeoutMs?: number
}

/**
 * Shows a server's copy of the rows to an audit. The server answers `GET url/:table?after=&limit=` (`after` is the
 * JSON of a key, absent for the first page; keys ascend as in IndexedDB) and `POST url/:table` with `{ "keys": [] }`,
 * both with `{ "rows": [{ "key", "row" }] }`. Reads reject with NETWORK when the server does not answer with success,
 * and with AUDIT naming the place where what came back is no such page.
 *
 * @example
 * ```ts
 * import { httpSource } from 'graysync/sources'
 *
 * export const cloud = httpSource({
 *   url: '/api/source',
 *   tables: ['cards', 'folders'],
 *   headers: () => ({ authorization: `Bearer ${sessionStorage.getItem('token')}` }),
 * })
 * ```
 */
export function httpSource(o: HttpSourceOptions): Source {
  const ask = (table: string, query: string, init: RequestInit) =>
    request(o, `${o.url}/${encodeURIComponent(table)}${query}`, init)
  return {
    name: o.name ?? 'server',
    tables: o.tables,
    async page(table, after, limit) {
      const query = new URLSearchParams({ limit: String(limit) })
      if (after !== undefined) query.set('after', toJson(after))
      const rows = await ask(table, `?${query}`, {})
      insistOnPage(rows, after, limit)
      return rows
    },
    async get(table, keys) {
      const body = `{"keys":[${keys.map(toJson).join()}]}`
      const rows = await ask(table, '', { method: 'POST', body })
      insistOnAsked(rows, keys)
      return rows
    },
  }
}

async function request(o: HttpSourceOptions, url: string, init: RequestInit): Promise<SourceRow[]> {
  const given = typeof o.headers === 'function' ? await o.headers() : o.headers
  const headers = { accept: 'application/json', 'content-type': 'application/json', ...given }
  const signal = AbortSignal.timeout(o.timeoutMs ?? 30_000)
  const call = o.fetch ?? globalThis.fetch
  const response = await call(url, { ...init, headers, signal }).catch((cause: unknown) => {
    throw new GraySyncError('NETWORK', `${url} can't be reached`, { cause })
  })
  if (!response.ok) throw new GraySyncError('NETWORK', `${url} answered ${response.status}`)
  const body: unknown = await response.json().catch((cause: unknown) => {
    throw new GraySyncError('AUDIT', `${url} answered with no JSON`, { cause })
  })
  return readRows(body, url)
}

function readRows(body: unknown, url: string): SourceRow[] {
  const { rows }: { rows?: unknown } = isRecord(body) ? body : {}
  if (!Array.isArray(rows)) throw malformed(url, '$.rows', 'a list')
  return rows.map((entry: unknown, at) => {
    if (!isRecord(entry)) throw malformed(url, `$.rows[${at}]`, 'an object')
    const { key, row } = entry
    if (!isKey(key)) throw malformed(url, `$.rows[${at}].key`, 'a key')
    if (!isRecord(row)) throw malformed(url, `$.rows[${at}].row`, 'an object')
    return { key, row }
  })
}

function malformed(url: string, path: string, want: string): GraySyncError {
  return new GraySyncError('AUDIT', `${url} answered without ${want} at ${path}`)
}

function insistOnPage(
  rows: readonly SourceRow[],
  after: IDBValidKey | undefined,
  limit: number,
): void {
  if (rows.length > limit) {
    throw new GraySyncError('AUDIT', `asked for ${limit} rows, got ${rows.length}`)
  }
  let last = after
  for (const [at, { key }] of rows.entries()) {
    if (last !== undefined && compareKeys(last, key) >= 0) {
      throw new GraySyncError('AUDIT', `the key at $.rows[${at}] is not above the one before it`)
    }
    last = key
  }
}

function insistOnAsked(rows: readonly SourceRow[], keys: readonly IDBValidKey[]): void {
  const asked = new Set(keys.map(keyText))
  const stray = rows.findIndex(({ key }) => !asked.delete(keyText(key)))
  if (stray >= 0) throw new GraySyncError('AUDIT', `nobody asked for the row at $.rows[${stray}]`)
}

/** Dates and binary keys have no form in JSON that comes back as itself. */
function toJson(key: IDBValidKey): string {
  const text = JSON.stringify(key)
  const back: unknown = JSON.parse(text)
  if (isKey(back) && compareKeys(key, back) === 0) return text
  throw new GraySyncError('AUDIT', 'a key that is no text, number or list of them does not travel')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
