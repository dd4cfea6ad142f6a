export { createGraySync } from './client/client.js'
export { defineEngine } from './engine/adapter.js'
export { deriveOperationId } from './lib/id.js'
export type { Arm, Decision, Explained, Reason, Subject } from './model/decision.js'
export { REASONS } from './model/decision.js'
export type {
  Engine,
  EngineContext,
  Guarantee,
  PlannedRequest,
  Queue,
  QueueExporter,
  QueueImporter,
  Running,
  Store,
  Tier,
} from './model/engine.js'
export type { ErrorCode } from './model/errors.js'
export { ERROR_CODES, GraySyncError, isGraySyncError } from './model/errors.js'
export type {
  Check,
  Events,
  GraySync,
  GraySyncOptions,
  Preflight,
  RestoreReport,
  RolloutOptions,
  Snapshot,
} from './model/handle.js'
export type {
  Accepted,
  EngineName,
  Identified,
  Operation,
  Pending,
  Settled,
} from './model/operation.js'
export type {
  Answer,
  Consent,
  Feedback,
  FeedbackEntry,
  Lane,
  Sink,
  SinkResult,
  Survey,
  TelemetryRecord,
} from './model/record.js'
export type {
  Repair,
  RepairOptions,
  RepairOutcome,
  RepairPlan,
  RepairStep,
} from './model/repair.js'
export type { PlannedSurvey } from './model/rollout.js'
export type { Shadow, ShadowComparison } from './model/shadow.js'
export type {
  AuditOptions,
  AuditProgress,
  AuditReport,
  CompareRules,
  Divergence,
  Source,
  SourceRow,
  TableAudit,
  TableRules,
} from './model/source.js'
