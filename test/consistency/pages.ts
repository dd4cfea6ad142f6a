import type { Source } from '../../src/model/source.js'

interface PlainRow {
  key: IDBValidKey
  row: Readonly<Record<string, unknown>>
}

/** Every row of a table, read page by page. */
export async function pagesOf(source: Source, table: string, limit: number): Promise<PlainRow[]> {
  const all: PlainRow[] = []
  for (;;) {
    const rows = await source.page(table, all.at(-1)?.key, limit)
    if (rows.length === 0) return all
    if (rows.length > limit) throw new Error(`a page of ${rows.length}, asked for ${limit}`)
    all.push(...rows)
  }
}
