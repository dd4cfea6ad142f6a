import { createClient } from './client/client.js'
import type { GraySync, GraySyncOptions } from './model/handle.js'
import type { Operation } from './model/operation.js'
import { detectPlatform } from './platform/platform.js'

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
export type { Consent, Feedback, Lane, Sink, SinkResult, TelemetryRecord } from './model/record.js'
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

/**
 * Makes the handle of one app. Make it once, outside of any component, and call `start()` without
 * waiting: rendering never depends on it. Throws OPTION at once where an option is wrong, naming the
 * field and what was got; nothing throws into the host after `start` but `enqueue`, when nobody took
 * the operation. On a server the handle is inert.
 *
 * @example
 * const gray = createGraySync<CardOp>({
 *   app: { name: 'CardEverything', version: '5.7.0' },
 *   rollout: { url: '/rollouts/sync-engine', keys: [publicKey] },
 *   engines: { legacy, refactored },
 * })
 * void gray.start()
 */
export function createGraySync<Op extends Operation = Operation>(
  options: GraySyncOptions<Op>,
): GraySync<Op> {
  return createClient(options, detectPlatform())
}
