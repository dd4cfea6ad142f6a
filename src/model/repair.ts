import type { AuditReport, Source, SourceRow } from './source.js'

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

/** What a repair is about: the rows of the running engine, on the left, and another source. */
export interface RepairOptions {
  /** What the audit was against. */
  against: Source
  /** Whose rows are right; the rows of the other side are changed. Not looked at where `of` is an id. */
  winner: RepairPlan['winner']
  /** What an audit of the two found, at most the 500 that a report describes: audit and repair again for the rest. Or the id of a repair that was planned before. */
  of: Pick<AuditReport, 'divergences'> | string
  /** Gives a row that the losing side lacks that side's shape. @default as the winner holds it */
  convert?(table: string, row: SourceRow['row']): SourceRow['row']
}

/** A repair that was planned: nothing is done until somebody says so. */
export interface Repair {
  /** By this the repair is found again, also after a reload. */
  id: string
  plan: RepairPlan
  /** Does what was planned, row by row where nothing changed since, and compares these rows again. */
  apply(): Promise<RepairOutcome>
  /** Takes it back, row by row where nothing changed since, and compares these rows again. */
  undo(): Promise<RepairOutcome>
}

export interface RepairOutcome extends RepairReport {
  /** Rows of the plan that differ afterwards. */
  differing: number
}
