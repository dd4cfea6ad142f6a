import type { GraySyncError } from './errors.js'

export type EngineName = 'legacy' | 'refactored'

export type Awaitable<T> = T | Promise<T>

/** One change that the user made. A host narrows this to a union of its own. */
export interface Operation {
  /** The table or kind of thing, for example `card`. */
  entity: string
  entityId: string
  /** What was done, for example `put` or `delete`. */
  kind: string
  /** Minted once when absent, and never changed afterwards. */
  opId?: string
}

/** An operation that has its id. */
export type Identified<Op extends Operation> = Op & { opId: string }

/** An operation that no server has acknowledged yet, as a queue hands it out. */
export interface Pending<Op> {
  opId: string
  op: Op
  /** `null` when it was queued while nobody was signed in. */
  userId: string | null
  state: 'open' | 'inflight' | 'failed'
}

/** What `enqueue` resolves to, once the operation is accepted. */
export interface Accepted {
  opId: string
  /** `true` when the operation is on disk, `false` when only an engine in memory holds it. */
  durable: boolean
  /** Settles when the operation has its end; never rejects. */
  settled: Promise<Settled>
}

export type Settled =
  | { status: 'acked'; by: EngineName; durationMs: number }
  | { status: 'dead'; error: GraySyncError }
  /** Still open when this handle closed; a later start goes on with it. */
  | { status: 'deferred' }
