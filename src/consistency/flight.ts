import type { Source } from '../model/source.js'

/** Rows with an operation on its way, by `nameRow`. */
export type ReadFlight = () => Promise<ReadonlySet<string>>

/** Whatever was on its way while an audit read is on its way for that audit. */
export interface Flight {
  has(table: string, key: IDBValidKey): boolean
  /** The same source, which asks what is on its way after each read. */
  watch(source: Source): Source
}

export const nameRow = (table: string, key: IDBValidKey): string => `${table}\n${String(key)}`

export async function trackFlight(read: ReadFlight): Promise<Flight> {
  const flying = new Set<string>()
  const note = async () => {
    for (const row of await read()) flying.add(row)
  }
  await note()
  return {
    has: (table, key) => flying.has(nameRow(table, key)),
    watch: (source) => ({
      ...source,
      get tables() {
        return source.tables
      },
      async page(table, after, limit) {
        const rows = await source.page(table, after, limit)
        await note()
        return rows
      },
      async get(table, keys) {
        const rows = await source.get(table, keys)
        await note()
        return rows
      },
    }),
  }
}
