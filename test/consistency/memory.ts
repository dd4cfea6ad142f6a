import { compareKeys } from '../../src/lib/keys.js'
import type { Platform } from '../../src/model/platform.js'
import type { Source } from '../../src/model/source.js'

export type Row = Record<string, unknown>

/** Rows of tables in memory, by their `id`. */
export type Tables = Record<string, Map<IDBValidKey, Row>>

export function tablesOf(tables: Record<string, readonly Row[]>): Tables {
  return Object.fromEntries(
    Object.entries(tables).map(([name, rows]) => [
      name,
      new Map(rows.map((row) => [row.id as IDBValidKey, row])),
    ]),
  )
}

/** A source over rows in memory; `onRead` runs before every read, and may change them or throw. */
export function memorySource(
  name: string,
  tables: Tables,
  onRead: (read: { table: string; keys: readonly IDBValidKey[] | null }) => void = () => {},
): Source {
  const ordered = (table: string) =>
    [...(tables[table] ?? [])].sort(([a], [b]) => compareKeys(a, b))
  return {
    name,
    tables: Object.keys(tables),
    async page(table, after, limit) {
      onRead({ table, keys: null })
      return ordered(table)
        .filter(([key]) => after === undefined || compareKeys(key, after) > 0)
        .slice(0, limit)
        .map(([key, row]) => ({ key, row: structuredClone(row) }))
    },
    async get(table, keys) {
      onRead({ table, keys })
      return keys.flatMap((key) => {
        const row = tables[table]?.get(key)
        return row ? [{ key, row: structuredClone(row) }] : []
      })
    },
    count: async (table) => tables[table]?.size ?? 0,
  }
}

/** As much of a platform as an audit uses. Time stands still but for timers, which fire at once and move it. */
export function auditPlatform(over: Partial<Platform> = {}): Platform {
  let now = 1_000
  return {
    now: () => now,
    monotonic: () => now,
    randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    setTimer(run: () => void, ms: number) {
      now += ms
      const timer = setImmediate(run)
      return () => clearImmediate(timer)
    },
    pause: () => new Promise<void>((resolve) => setImmediate(resolve)),
    ...over,
  } as Platform
}
