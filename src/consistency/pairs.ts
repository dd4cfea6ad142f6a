import { compareKeys } from '../lib/keys.js'
import { FIRST_PAGE, nextPage } from '../lib/pages.js'
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

/** Rows of a page at most. */
const PAGE = 500

/** Walks both sources in key order side by side from `after` on, and gives their rows in pairs, some hundreds at a time. */
export async function* pairUp(
  table: string,
  left: Source,
  right: Source,
  read: Read,
  after?: IDBValidKey,
): AsyncGenerator<readonly Pair[]> {
  const [a, b] = [createCursor(left, table, read, after), createCursor(right, table, read, after)]
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
function createCursor(
  source: Source,
  table: string,
  read: Read,
  after: IDBValidKey | undefined,
): Cursor {
  const ask = (last: IDBValidKey | undefined, limit: number) => {
    const page = read(source, table, () => source.page(table, last, limit))
    // Whoever waits for the page hears of its failure; until then nobody does.
    page.catch(() => undefined)
    return page
  }
  let coming = ask(after, FIRST_PAGE)
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
      if (!ended) coming = ask(rows.at(-1)?.key, nextPage(rows, PAGE))
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
  for (;;) {
    const left = a.peek()
    const right = b.peek()
    if (isWaiting(a, left) || isWaiting(b, right) || !(left || right)) return pairs
    const order = orderOf(left, right)
    if (order <= 0) a.take()
    if (order >= 0) b.take()
    pairs.push(pairOf(order <= 0 ? left : undefined, order >= 0 ? right : undefined))
  }
}

/** Which row is next is known only while neither source waits for its next page. */
function isWaiting(cursor: Cursor, row: SourceRow | undefined): boolean {
  return !row && !cursor.isAtEnd()
}

function orderOf(left: SourceRow | undefined, right: SourceRow | undefined): number {
  if (!left) return 1
  return right ? compareKeys(left.key, right.key) : -1
}

function pairOf(left: SourceRow | undefined, right: SourceRow | undefined): Pair {
  return { key: (left ?? right)?.key as IDBValidKey, left: left?.row, right: right?.row }
}
