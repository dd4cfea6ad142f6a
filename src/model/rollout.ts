import type { Survey } from './record.js'

/** Unleash's constraint operators, by name and meaning. */
export const OPERATORS = [
  'IN',
  'NOT_IN',
  'STR_CONTAINS',
  'STR_STARTS_WITH',
  'STR_ENDS_WITH',
  'NUM_EQ',
  'NUM_GT',
  'NUM_GTE',
  'NUM_LT',
  'NUM_LTE',
  'DATE_AFTER',
  'DATE_BEFORE',
  'SEMVER_EQ',
  'SEMVER_GT',
  'SEMVER_GTE',
  'SEMVER_LT',
  'SEMVER_LTE',
  'REGEX',
] as const

export type Operator = (typeof OPERATORS)[number]

/** One test of one attribute; `values` for the list and string operators, `value` for the others. */
export interface Constraint {
  attribute: string
  operator: Operator
  values?: readonly string[]
  value?: string
  inverted?: boolean
  caseInsensitive?: boolean
}

/** A named set of subjects: all constraints hold. */
export interface Segment {
  name: string
  constraints: readonly Constraint[]
}

export interface Stage {
  name: string
  /** Not before this instant, epoch ms. */
  startAt?: number
  /** 0 to 100,000, a thousandth of a percent each. */
  share: number
  /** Names of segments, one of which must match; absent or empty: everybody. */
  where?: readonly string[]
  /** How long a move is on trial: both. @default 7 days and 50 acknowledged operations */
  probation?: { days?: number; operations?: number }
}

/** The payload of a signed rollout document. Unknown fields are kept and ignored. */
export interface Rollout {
  schema: 1
  /** The name of this rollout. */
  rollout: string
  /** Strictly increasing; a lower one than the highest seen is refused. */
  version: number
  /** Epoch ms. */
  issuedAt: number
  /** Older than this a rollout is stale. */
  maxAgeMs?: number
  /** What a stale rollout does: `keep` on as before, or `hold`, admitting nobody new. @default 'keep' */
  onExpired?: 'keep' | 'hold'
  hash: { version: 1; salt: string }
  /** Everybody to legacy, at once. @default false */
  kill?: boolean
  /** `held` admits nobody new. @default 'open' */
  admit?: 'open' | 'held'
  /** An increase lifts local rollbacks. @default 0 */
  resetEpoch?: number
  /** What a share that shrinks does to those already moved. @default 'keep' */
  onShrink?: 'keep' | 'handover'
  segments?: readonly Segment[]
  /** Ids, each the first that its profile saw, that get legacy; the reasons from KILLED to OVERRIDDEN go before. */
  deny?: readonly string[]
  /** Ids, each the first that its profile saw, that get refactored; the reasons from KILLED to OPTED_OUT go before. */
  allow?: readonly string[]
  /** Whether users may choose. @default both true */
  preference?: { optIn?: boolean; optOut?: boolean }
  /** Share that stays on legacy for comparison, with a hash of its own. @default 0 */
  holdout?: number
  /** Name of the active stage; `null` before the first. */
  stage: string | null
  stages: readonly Stage[]
  /** Share of profiles that run the other engine in shadow, with a hash of its own; 0: none, also on probation. @default those on probation */
  shadow?: { share: number }
  /**
   * `intervalMs`: 60,000 to 86,400,000. @default an hour against `server`, five minutes for a shadow.
   * `sample`: share of devices, 0 to 100,000. @default everybody. Absent: `server` is audited after a switch only.
   */
  audit?: { intervalMs?: number; sample?: number }
  /** Share of devices that tell metrics, 0 to 100,000. @default everybody */
  telemetry?: { sample?: number }
  /** Checked for its shape, and ignored. */
  guardrails?: Readonly<Record<string, unknown>>
  /** What users are asked. */
  feedback?: { survey?: PlannedSurvey }
}

/** When whom a survey asks. */
export interface PlannedSurvey extends Survey {
  /** `start` of a page, `switch` of the engine, or `acked` operations of one page. @default 'start' */
  after?: 'start' | 'switch' | 'acked'
  /** How many acknowledged operations, for `acked`. @default 20 */
  count?: number
  /** Share of installations that are asked, with a hash of its own. @default 100000 */
  sample?: number
  /** Days before any survey is shown again to somebody who took one away. @default 30 */
  coolDownDays?: number
  /** How often this survey is shown at most. @default 2 */
  most?: number
}

/** A rollout as it travelled: what is cached, and verified again at every load. */
export interface CachedRollout {
  key: 'rollout'
  /** JWS compact. */
  envelope: string
  /** What the envelope says, so that an older one does not overwrite it. */
  version: number
  etag: string | null
  /** When a tab last heard from upstream that this is the newest. */
  writtenAt: number
}
