import type { SourceRow } from './source.js'

/** What a repair would do, with no value in it: the dry run. */
export interface RepairPlan {
  /** Which side's rows are right; the other side is changed. */
  winner: 'left' | 'right'
  steps: readonly RepairStep[]
}

export interface RepairStep {
  table: string
  key: IDBValidKey
  action: 'put' | 'change' | 'delete'
  /** The places that are changed, for `change`. */
  paths: readonly string[]
  /** Hashes of what both sides held when this was planned. */
  held: { winner: string; loser: string }
}

/** How to take a step back; to be kept before it is done. */
export interface UndoStep {
  table: string
  key: IDBValidKey
  /** `null` where there was no row. */
  before: SourceRow['row'] | null
  /** Hash of what the step leaves. */
  after: string
}

export interface RepairReport {
  /** Steps that were done. */
  done: number
  /** Steps that were not, as a row had changed since it was planned. */
  outdated: number
}
