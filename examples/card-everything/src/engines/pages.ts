import type { Table } from 'dexie'

/** So many rows are read or written in one go: the page is to answer in between. */
const PAGE = 200

export function* toPages<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < rows.length; at += PAGE) yield rows.slice(at, at + PAGE)
}

/** What a handover has staged, in order. */
export async function readStaged<T extends { position: number }>(
  staged: Table<T, [string, number]>,
  handover: string,
): Promise<T[]> {
  const rows: T[] = []
  for (;;) {
    const next = rows.length + PAGE
    const range = staged
      .where('[handover+position]')
      .between([handover, rows.length], [handover, next])
    const page = await range.toArray()
    rows.push(...page)
    if (page.length < PAGE) return rows
  }
}
