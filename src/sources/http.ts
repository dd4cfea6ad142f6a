import { compareKeys, isKey, keyText } from '../lib/keys.js'
import { GraySyncError } from '../model/errors.js'
import type { Awaitable } from '../model/operation.js'
import type { Fetch } from '../model/platform.js'
import type { DigestAnswer, DigestQuestion, HashedRow, Source, SourceRow } from '../model/source.js'

/** More parts are asked about in several requests. */
const MOST_PREFIXES = 1_000

/** Where a server's copy is read. */
export interface HttpSourceOptions {
  /** Of the copy, without a slash at its end; the table's name is appended. */
  url: string
  /** Tables that the server shows. */
  tables: readonly string[]
  /** The server answers digests: rows are asked for only where sums differ. @default false */
  digest?: boolean
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
 * both with `{ "rows": [{ "key", "row" }] }`; with `digest`, also `POST url/:table/digest` with a `DigestQuestion`, by
 * `{ "answers": [] }`. Reads reject with NETWORK when the server does not answer with success,
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
  const ask = async (table: string, query: string, init: RequestInit) => {
    const url = `${o.url}/${encodeURIComponent(table)}${query}`
    return readRows(await request(o, url, init), url)
  }
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
    ...(o.digest && {
      digest: (table: string, question: DigestQuestion) => askDigest(o, table, question),
    }),
  }
}

async function askDigest(
  o: HttpSourceOptions,
  table: string,
  question: DigestQuestion,
): Promise<DigestAnswer[]> {
  const url = `${o.url}/${encodeURIComponent(table)}/digest`
  const { prefixes } = question
  const answers: DigestAnswer[] = []
  for (let from = 0; from < prefixes.length; from += MOST_PREFIXES) {
    const asked = { ...question, prefixes: prefixes.slice(from, from + MOST_PREFIXES) }
    const body = await request(o, url, { method: 'POST', body: JSON.stringify(asked) })
    answers.push(...readAnswers(body, url, asked.prefixes.length))
  }
  return answers
}

async function request(o: HttpSourceOptions, url: string, init: RequestInit): Promise<unknown> {
  const given = typeof o.headers === 'function' ? await o.headers() : o.headers
  const headers = { accept: 'application/json', 'content-type': 'application/json', ...given }
  const signal = AbortSignal.timeout(o.timeoutMs ?? 30_000)
  const call = o.fetch ?? globalThis.fetch
  const response = await call(url, { ...init, headers, signal }).catch((cause: unknown) => {
    throw new GraySyncError('NETWORK', `${url} can't be reached`, { cause })
  })
  if (!response.ok) throw new GraySyncError('NETWORK', `${url} answered ${response.status}`)
  return response.json().catch((cause: unknown) => {
    throw new GraySyncError('AUDIT', `${url} answered with no JSON`, { cause })
  })
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

function readAnswers(body: unknown, url: string, count: number): DigestAnswer[] {
  const { answers }: { answers?: unknown } = isRecord(body) ? body : {}
  if (!Array.isArray(answers) || answers.length !== count) {
    throw malformed(url, '$.answers', `${count} answers`)
  }
  return answers.map((answer: unknown, at) => {
    if (isRecord(answer) && typeof answer.sums === 'string') return { sums: answer.sums }
    if (!isRecord(answer) || !Array.isArray(answer.rows) || !answer.rows.every(isHashed)) {
      throw malformed(url, `$.answers[${at}]`, 'sums or rows')
    }
    return { rows: answer.rows }
  })
}

function isHashed(row: unknown): row is HashedRow {
  return Array.isArray(row) && isKey(row[0]) && typeof row[1] === 'string'
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
