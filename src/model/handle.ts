import type { Decision, Subject } from './decision.js'
import type { Engine, Guarantee } from './engine.js'
import type { ErrorCode, GraySyncError } from './errors.js'
import type { Accepted, EngineName, Operation, Pending } from './operation.js'
import type { Consent, Feedback, FeedbackEntry, Lane, Sink } from './record.js'
import type { Repair, RepairOptions } from './repair.js'
import type { PlannedSurvey } from './rollout.js'
import type { Shadow } from './shadow.js'
import type { AuditOptions, AuditReport, CompareRules, DivergenceKind, Source } from './source.js'
import type { WRITES, WritePort } from './writes.js'

export interface GraySyncOptions<Op extends Operation> {
  app: { name: string; version: string }
  /** Where the signed rollout comes from. @default absent: `NO_ROLLOUT`, the profile stays where it is */
  rollout?: RolloutOptions
  /** The two engines. @default absent: decide only */
  engines?: { legacy: Engine<Op>; refactored?: Engine<Op> }
  /** Whom to decide about. @default null: the installation id */
  subject?: Subject | null
  /** Where telemetry and feedback go. @default absent: nothing leaves the device */
  sink?: Sink
  /**
   * The server's copy: what the owner's rows are held against after a switch, at the rollout's `audit`, and by
   * `audit()` where no shadow runs. By itself it is asked only while there is a `subject`.
   * @default absent: nothing is audited by itself
   */
  server?: Source
  /** How rows are compared. @default every field counts */
  compare?: CompareRules
  /** Whether telemetry may leave. @default 'pending': kept in memory until the user answered */
  consent?: Consent
  /** `start` resolves within this, whatever hangs. @default 3000 */
  startTimeoutMs?: number
  /** Whether an operation queued by nobody belongs to the present user. @default false: it waits until nobody is signed in */
  adoptNullUser?(op: Pending<Op>): boolean
  /** @default false: a user's backups are deleted at logout */
  keepBackupsOnLogout?: boolean
  /** Forces an engine; for development builds only. */
  override?: EngineName
}

export interface RolloutOptions {
  /** Of the signed document. @default absent: only `bootstrap` and the cache are used */
  url?: string
  /** Of the server-sent events that tell a new version. @default absent: no stream */
  streamUrl?: string
  /** Public keys (JWK with `kid`), two at a time so that they can rotate. */
  keys: readonly JsonWebKey[]
  /** A signed document inlined, for a first start without the network. */
  bootstrap?: string
  /**
   * Pause between two requests while the page is seen, stretched by up to a fifth; 1,000 to 86,400,000. A page that is
   * seen again, a device that is online again and the stream ask sooner. @default 300000
   */
  refreshMs?: number
}

interface Present {
  guarantee: Guarantee
  /** Operations that no server has acknowledged, counted a moment after the last change; `null` while unknown. */
  pending: { count: number; oldestAt?: number } | null
  /** `wanted`: the next boot changes the engine. `required`: this build must not go on. */
  reload: 'none' | 'wanted' | 'required'
  /** The other engine where it runs in shadow, in the tab that runs the owner's; `null` elsewhere. */
  shadow: Shadow | null
}

/** The state of the handle: a new object at each change, the same object while nothing changed. */
export type Snapshot = Readonly<
  Present &
    (
      | { phase: 'idle' | 'starting' | 'closed'; decision: Decision | null; running: null }
      | {
          phase: 'running'
          decision: Decision
          /** For a follower the engine that another tab runs. */
          running: EngineName | null
          role: 'writer' | 'follower'
          blocked?: { by: ErrorCode; fix: string }
        }
      | {
          phase: 'handover'
          decision: Decision
          running: null
          from: EngineName
          to: EngineName
          step: string
        }
      | { phase: 'halted'; decision: Decision | null; running: null; error: GraySyncError }
    )
>

export interface Check {
  name: string
  ok: boolean
  detail: string
}

/** Whether this profile can be handed over, and what is in the way. */
export interface Preflight {
  ready: boolean
  checks: readonly Check[]
  guarantee: Guarantee
}

/** What a backup put back. */
export interface RestoreReport {
  /** Its id. */
  backup: string
  operations: number
  rows: number
}

/** What `on` tells. Instants are epoch ms. */
export interface Events {
  started: Snapshot
  decided: Decision
  rolloutChanged: { version: number; engine: EngineName }
  reloadWanted: { since: number; to: EngineName }
  handoverStarted: { id: string; from: EngineName; to: EngineName }
  handoverFinished: {
    id: string
    outcome: 'committed' | 'aborted'
    /** Operations. */
    moved: number
    durationMs: number
    because?: ErrorCode
  }
  engineSwitched: { from: EngineName; to: EngineName }
  halted: GraySyncError
  fenced: { term: number }
  /** `by`: `failures`, `silence`, `start`, `integrity` or `boots`. */
  tripped: { engine: EngineName; by: string }
  divergenceFound: { table: string; kind: DivergenceKind; count: number }
  guaranteeChanged: Guarantee
  delivered: { lane: Lane; count: number }
  /** The rollout asks this installation now; an element of the form's door shows it. */
  surveyWanted: PlannedSurvey
  error: GraySyncError
  closed: undefined
}

/** The handle of one app: made once, outside of any component. */
export interface GraySync<Op extends Operation> {
  readonly decision: Decision | null
  readonly guarantee: Guarantee
  /** Decides, takes or resumes a handover, starts the owner's engine. Idempotent, bounded, never rejects. */
  start(): Promise<Snapshot>
  getSnapshot(): Snapshot
  subscribe(listener: () => void): () => void
  on<K extends keyof Events>(
    type: K,
    listener: (event: Events[K]) => void,
    o?: { signal?: AbortSignal },
  ): () => void
  /**
   * Resolves when the operation is accepted, and rejects when it was not: with OPTION, NO_QUEUE, STORE, QUOTA, CLOSED,
   * STORE_BLOCKED (a database of the app, whose captured operations go first, did not answer for 30 seconds), or what
   * `push` threw. `applied`: the owner's store holds its effect already, and it is only to be sent; not believed
   * while nobody owns the profile. @default false
   */
  enqueue(op: Op, o?: { applied?: boolean }): Promise<Accepted>
  /** For a host that overlays open operations on its reads. */
  openOperations(): Promise<readonly Pending<Op>[]>
  /** Binds a user; the snapshot says whether a reload is wanted. */
  identify(subject: Subject | null): Promise<Snapshot>
  /** The user's own choice of engine; `null` takes it back. */
  prefer(engine: EngineName | null): Promise<Snapshot>
  preflight(): Promise<Preflight>
  audit(options?: AuditOptions): Promise<AuditReport>
  /** Plans how one side of an audit becomes equal to the other; nothing is done before `apply()`. */
  repair(options: RepairOptions): Promise<Repair>
  /**
   * Puts operations and rows of a backup back; the newest of the present user, or of nobody, where none is named. Rows
   * only where the owner's engine has a `store`, and they are the other engine's. Rejects with BACKUP or STORE, and with
   * HALTED or FENCED where a handover goes on.
   */
  restore(backup?: string): Promise<RestoreReport>
  /**
   * Counts that the user used a feature, under a name that says nothing of the person.
   * Longer than 80 characters it is cut. Accepted operations count by themselves, as `entity.kind`.
   */
  use(feature: string): void
  /** Resolves once the entry is kept: on disk where `durable`, else in memory until it is sent. */
  feedback(entry: Feedback): Promise<{ id: string; durable: boolean }>
  /** What was said here, and what became of it: the last twenty, oldest first. */
  feedbackEntries(): Promise<readonly FeedbackEntry[]>
  setConsent(consent: Consent): Promise<void>
  /**
   * Journal, manifests of backups, control record, operations that died (without content) and the snapshot, as a JSON
   * file. Rejects with STORE.
   */
  supportFile(): Promise<Blob>
  /**
   * Deletes what graysync holds of this profile, and what its form keeps; open operations only unless kept. Who owns the
   * profile, the highest rollout version, what the breaker knows and which databases carry a fence stay. Rejects with
   * STORE where nothing is stored.
   */
  forget(options?: { keepPending?: boolean }): Promise<void>
  close(): Promise<void>
  /** For the doors of host databases; absent on a server and in a worker. */
  readonly [WRITES]?: WritePort
}
