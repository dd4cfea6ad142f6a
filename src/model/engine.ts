import type { Awaitable, EngineName, Identified, Operation, Pending } from './operation.js'
import type { Fetch } from './platform.js'
import type { Source } from './source.js'
import type { EngineRights, WRITES } from './writes.js'

/** What the host gives for one sync engine. A capability is a member that exists; the least is `version` and `start`. */
export interface Engine<Op extends Operation> {
  /** Names the breaker's latch, and what operations this build knows. */
  version: string
  /** `false`: the operation is quarantined, never dropped. @default everything is known */
  knows?(op: Operation): boolean
  /** Starts the engine: the only place that imports its module. */
  start(ctx: EngineContext): Awaitable<Running<Op> | void>
  /** The engine's queue, readable while the engine is not running. */
  queue?: Queue<Op>
  /** The engine's rows, readable while the engine is not running. */
  data?: Source
  /** Only for an engine with a store of its own; usable while the engine is not running. */
  store?: Store<Op>
  /** What the server does with a request that comes twice: the one claim that no member can show. @default 'unsafe' */
  replay?: 'keyed' | 'versioned' | 'unsafe'
}

/** Rows arrive in the other engine's shape and the adapter converts them. Every member is idempotent. */
export interface Store<Op extends Operation> {
  hydrate(table: string, rows: readonly unknown[]): Promise<void>
  /** Local effect only: nothing is sent. */
  apply(op: Identified<Op>): Promise<void>
  clear(): Promise<void>
}

/** A running engine, as far as it can be steered. */
export interface Running<Op extends Operation> {
  /** Within `deadlineMs` (5,000). Answering nothing counts as clean; a throw or a timeout does not. */
  stop?(o: { deadlineMs: number }): Awaitable<void | { clean: boolean; inflight: string[] }>
  /**
   * Applies the operation to the engine's store and queues it for sending; idempotent by `opId`. Where it is `applied`,
   * the store holds the effect, and perhaps later ones: it is only to be queued. Of what was written inside the fence of a
   * handover, and after it on the same thing, the store may hold the effect although it is not `applied`.
   */
  push?(op: Identified<Op>, o: { applied: boolean }): Awaitable<void>
  /** Sends what it holds, as far as it gets within `deadlineMs` (10,000): asked before a reload that changes the engine. */
  drain?(o: { deadlineMs: number }): Promise<void>
  /** Asks the server, and sends nothing: what an engine that died was handed is settled by the answer, or handed over once more. After one that takes more than 5 seconds nothing more is asked. */
  probe?(opId: string): Promise<'applied' | 'absent' | 'unknown'>
  plan?(op: Identified<Op>): Promise<PlannedRequest[]>
}

/** A request that an engine would send, for the comparison of plans in shadow. */
export interface PlannedRequest {
  method: string
  url: string
  body?: unknown
}

export interface Queue<Op extends Operation> {
  /** `seq` counts every operation ever queued: it makes emptiness provable. */
  size(): Awaitable<{ count: number; inflight?: number; seq?: number; oldestAt?: number }>
  exporter?: QueueExporter<Op>
  importer?: QueueImporter<Op>
}

export interface QueueExporter<Op extends Operation> {
  /** Every pending operation in every state, in a stable order. */
  read(): Promise<Pending<Op>[]>
  /** Takes out of this queue what `read` handed out last, and nothing that came since: a stale build may go on writing here. */
  seal(handover: string): Promise<void>
}

export interface QueueImporter<Op extends Operation> {
  /** Stores the operations where the engine does not see them yet, in place of what this handover staged before; answers their ids in order. */
  stage(ops: Pending<Op>[], handover: string): Promise<string[]>
  activate(handover: string): Promise<void>
  discard(handover: string): Promise<void>
}

export interface EngineContext {
  mode: 'active' | 'shadow'
  /** Aborts when the engine is stopped. */
  signal: AbortSignal
  /** Every send goes through this: it carries device and term, and refuses once the engine lost its right to send. */
  fetch: Fetch
  term: number
  /** The name of this installation in `graysync-device`, for an engine whose calls carry device and term as arguments. */
  device: string
  /**
   * The server has the operation. A fact, taken from any term. Resolves once the op-log holds it: an engine that keeps
   * the operation until then never loses the end of one. Rejects with STORE or QUOTA where it could not be written
   * before the handle closed, and in shadow with SUSPENDED; ignoring the promise does no harm.
   */
  ack(opId: string): Promise<void>
  /** The operation can never be applied. Resolves and rejects as `ack` does. */
  fail(opId: string, cause: unknown): Promise<void>
  /** For the doors of host databases. */
  readonly [WRITES]?: EngineRights
}

export type Tier = 'none' | 'drain' | 'contained' | 'keyed' | 'fenced'

/** What a handover between these two engines promises, from evidence. */
export interface Guarantee {
  tier: Tier
  /** What is missing for a higher tier. */
  missing: readonly { member: string; raisesTo: Tier }[]
}

export type HandoverPhase = 'stable' | 'preparing' | 'fenced' | 'saved' | 'imported' | 'halted'

/** Who owns the profile, and the two fencing tokens. One row; every change is one transaction. */
export interface Control {
  key: 'control'
  /** A build that reads only lower numbers does not send. */
  minReader: number
  /** Ownership generation: a local write checks it. Rises at every fence, commit and abort. */
  flip: number
  /** Fencing token of sends: rises with every change of writer and at every flip. */
  term: number
  /** Token of the coordinator: a step of a handover goes on only under the claim it was begun with. */
  claim: number
  /** `null` between fence and commit. */
  owner: EngineName | null
  phase: HandoverPhase
  handover: HandoverState | null
  /** Switched to refactored at least once. */
  switched: boolean
}

export interface HandoverState {
  id: string
  from: EngineName
  to: EngineName
  startedAt: number
  /** `true` once committed, while the target is not activated or the source not sealed. */
  finishing: boolean
}

/** One row of the op-log, the write-ahead log of everything `enqueue` accepted. */
export interface LoggedOperation<Op extends Operation = Operation> {
  /** Rises with acceptance; what was adopted from a queue stands between whole numbers, where the queue has it. */
  seq: number
  opId: string
  userId: string | null
  op: Op
  /** Ownership generation at acceptance. */
  flip: number
  /** `null` while no engine owns the profile: the operation waits for the next owner. */
  assigned: EngineName | null
  /** The owner's store holds the effect. */
  applied: boolean
  state: 'open' | 'acked' | 'dead' | 'quarantine'
  acceptedAt: number
  /** Taken from an engine's old queue, not accepted by `enqueue`. */
  adopted: boolean
  /** The engine it was acknowledged through. */
  by?: EngineName
  cause?: string
}

/** One row of the journal: append-only and numbered, so that a gap shows. */
export interface JournalEntry {
  seq: number
  at: number
  kind: string
  handover: string | null
  flip: number
  term: number
  detail: Readonly<Record<string, unknown>>
}
