import { compareKeys } from '../lib/keys.js'
import { GraySyncError } from '../model/errors.js'
import type { Source, SourceRow } from '../model/source.js'
import type { Row } from './compare.js'

/** The rows that two sources hold under one key. */
export interface Pair {
  key: IDBValidKey
  left: Row | undefined
  right: Row | undefined
}

/** How a read is made: with patience, and until the audit is given up. */
export type Read = <T>(source: Source, table: string, work: () => Promise<T>) => Promise<T>

const PAGE = 500

/** Walks both sources in key order side by side, and gives their rows in pairs, some hundreds at a time. */
export async function* pairUp(
  table: string,
  left: Source,
  right: Source,
  read: Read,
): AsyncGenerator<readonly Pair[]> {
  const [a, b] = [createCursor(left, table, read), createCursor(right, table, read)]
  for (;;) {
    await Promise.all([a.fill(), b.fill()])
    const pairs = merge(a, b)
    if (pairs.length === 0) return
    yield pairs
  }
}

interface Cursor {
  fill(): Promise<void>
  /** The row it stands at; `undefined` at the end of a page. */
  peek(): SourceRow | undefined
  take(): void
  isAtEnd(): boolean
}

/** Reads one source page by page; the next page is asked for before the present one is worked on. */
function createCursor(source: Source, table: string, read: Read): Cursor {
  const ask = (after: IDBValidKey | undefined) => {
    const page = read(source, table, () => source.page(table, after, PAGE))
    // Whoever waits for the page hears of its failure; until then nobody does.
    page.catch(() => undefined)
    return page
  }
  let coming = ask(undefined)
  let rows: readonly SourceRow[] = []
  let at = 0
  let ended = false
  return {
    async fill() {
      if (ended || at < rows.length) return
      const last = rows.at(-1)
      rows = await coming
      at = 0
      insistOnOrder(source, table, last, rows)
      ended = rows.length === 0
      if (!ended) coming = ask(rows.at(-1)?.key)
    },
    peek: () => rows[at],
    take: () => {
      at++
    },
    isAtEnd: () => ended,
  }
}

/** A merge over keys in any other order than IndexedDB's would report what is not so. */
function insistOnOrder(
  source: Source,
  table: string,
  before: SourceRow | undefined,
  rows: readonly SourceRow[],
): void {
  let last = before
  for (const row of rows) {
    if (last && compareKeys(last.key, row.key) >= 0) {
      throw new GraySyncError(
        'AUDIT',
        `source "${source.name}" gave the keys of table "${table}" out of order`,
      )
    }
    last = row
  }
}

function merge(a: Cursor, b: Cursor): Pair[] {
  const pairs: Pair[] = []
  let pair = nextPair(a, b)
  while (pair) {
    if (pair.left) a.take()
    if (pair.right) b.take()
    pairs.push({ key: pair.key, left: pair.left?.row, right: pair.right?.row })
    pair = nextPair(a, b)
  }
  return pairs
}

/** `null` where a source waits for its next page: which row is next is not known then. */
function nextPair(
  a: Cursor,
  b: Cursor,
): { key: IDBValidKey; left?: SourceRow; right?: SourceRow } | null {
  const [left, right] = [a.peek(), b.peek()]
  if (!left) return right && a.isAtEnd() ? { key: right.key, right } : null
  if (!right) return b.isAtEnd() ? { key: left.key, left } : null
  const order = compareKeys(left.key, right.key)
  if (order < 0) return { key: left.key, left }
  return order > 0 ? { key: right.key, right } : { key: left.key, left, right }
}
