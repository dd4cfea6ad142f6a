import type { ErrorCode } from './errors.js'
import type { AuditProgress, AuditReport, CompareRules } from './source.js'

/** What a page asks of a worker: the audit of two sources that the worker has by these names. A port comes with it. */
export interface Errand {
  graysync: 'audit'
  left: string
  right: string
  rules: CompareRules
  tables?: readonly string[]
  settleMs?: number
  /** Somebody listens to progress. */
  tells: boolean
}

/** What the worker says through the port of an errand. */
export type AuditWord =
  /** It lives. */
  | { is: 'beat' }
  /** Which rows are on their way? A port for the answer comes with it. */
  | { is: 'flight' }
  | { is: 'progress'; progress: AuditProgress }
  | { is: 'report'; report: AuditReport }
  | { is: 'error'; code: ErrorCode; message: string }

/** Rows on their way, or why nobody knows. */
export type FlightAnswer = { rows: ReadonlySet<string> } | { failure: string }
