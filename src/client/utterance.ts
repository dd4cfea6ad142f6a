import type { TripCause } from '../engine/breaker.js'
import type { Outcome } from '../flows/handover.js'
import type { Decision } from '../model/decision.js'
import type { GraySyncError } from '../model/errors.js'
import type { Events, Snapshot } from '../model/handle.js'
import type { Settled } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Consent, Sink } from '../model/record.js'
import type { Rollout } from '../model/rollout.js'
import type { AuditReport } from '../model/source.js'
import type { GraySyncDatabase } from '../store/database.js'
import type { Mending } from '../telemetry/repair.js'
import type { ShadowNews } from '../telemetry/shadow.js'

/** What there is to tell upstream. */
export type Utterance =
  | { about: 'decision'; decision: Decision }
  | { about: 'settled'; settled: Settled }
  | { about: 'use'; feature: string }
  | { about: 'error'; error: GraySyncError }
  | { about: 'handover'; outcome: Outcome }
  | { about: 'trip'; by: TripCause; version: string | null }
  | { about: 'audit'; report: AuditReport }
  | ({ about: 'repair' } & Mending)
  | { about: 'shadow'; news: ShadowNews }

/** What telling needs. */
export interface SpeakerOptions {
  platform: Platform
  database: GraySyncDatabase | null
  sink: Sink | undefined
  consent: Consent
  app: { name: string; version: string }
  /** Another one once this one was forgotten. */
  installation(): string
  engine(): string | null
  /** Operations that no server has acknowledged. */
  pending(): Snapshot['pending']
  decision(): Decision
  /** The newest one. */
  rollout(): Rollout | null
  /** The refactored engine was given up on this device. */
  isTripped(): boolean
  emit<K extends 'delivered' | 'error' | 'surveyWanted'>(type: K, event: Events[K]): void
  signal: AbortSignal
}
