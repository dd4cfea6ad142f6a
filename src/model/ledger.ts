import type { DivergenceKind } from './source.js'

/** A row that an incremental audit looks at again: one that may differ, or that does. */
export interface LedgerEntry {
  key: IDBValidKey
  state: 'suspect' | 'confirmed'
  kind: DivergenceKind | null
  /** Hash of what both sides held when it was last read; empty where it was not judged. */
  held: string
  /** A repair has set this row. */
  repaired: boolean
}

/** What an incremental audit of one table keeps: all of it in one record, so that no part is newer than another. */
export interface TableLedger {
  /** Hash of the rules that judged. */
  rules: string
  /** Where the walk through all rows stands; `null` at its begin. */
  cursor: IDBValidKey | null
  /** A walk is under way, or has to be made whatever the clock says. */
  owed: boolean
  completedAt: number | null
  /** What the walk counted so far. */
  walk: { equal: number; defaults: number }
  entries: readonly LedgerEntry[]
  /** Rows that found no room among the entries. */
  beyond: number
  ended: { resolved: number; ignored: number; repaired: number }
}
