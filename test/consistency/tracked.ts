import { createTracker, type Tracker } from '../../src/lib/tracker.js'
import type { Changes, Source } from '../../src/model/source.js'
import { memorySource, type Row, type Tables } from './memory.js'

/** A store in memory that tells what is written to it; its intents are on its disk, as its rows are. */
export interface TrackedStore {
  source: Source
  tables: Tables
  /** `null` deletes. */
  write(table: string, id: IDBValidKey, row: Row | null): void
  /** Takes the memory, and leaves the disk. */
  crash(): void
}

export function trackedStore(
  name: string,
  tables: Tables,
  o: {
    onRead?: Parameters<typeof memorySource>[2]
    /** More marks are remembered by region. */
    marks?: number
  } = {},
): TrackedStore {
  const names = Object.keys(tables)
  const intents = new Map(names.map((table) => [table, new Set<number>()]))
  let trackers = new Map<string, Tracker>()
  const begin = () => {
    trackers = new Map(names.map((table) => [table, createTracker(o.marks)]))
    for (const table of names) trackerOf(table).recover(intents.get(table) ?? [])
  }
  const trackerOf = (table: string): Tracker => {
    const tracker = trackers.get(table)
    if (!tracker) throw new Error(`no table ${table}`)
    return tracker
  }
  begin()
  return {
    source: {
      ...memorySource(name, tables, o.onRead),
      async changes(table): Promise<Changes> {
        const tracker = trackerOf(table)
        return {
          ...tracker,
          async checkpoint() {
            for (const region of tracker.release()) intents.get(table)?.delete(region)
          },
        }
      },
    },
    tables,
    write(table, id, row) {
      const write = trackerOf(table).begin([id])
      for (const region of write.intents) intents.get(table)?.add(region)
      if (row) tables[table]?.set(id, { ...row, id })
      else tables[table]?.delete(id)
      write.commit()
    },
    crash: begin,
  }
}
