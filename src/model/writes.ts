import type { GraySyncError } from './errors.js'
import type { EngineName, Operation } from './operation.js'

/** Under this key a handle, and the context of an engine, show what a door for the host's databases needs. */
export const WRITES: unique symbol = Symbol.for('graysync.writes')

/** Who may write, as the control record says or as a replica of it lies in a host's database. */
export interface Rights {
  flip: number
  term: number
  /** `null` between fence and commit. */
  owner: EngineName | null
}

/** The fence replica: one row in the host's database, read by every transaction that writes there. */
export interface Replica extends Rights {
  key: 'replica'
  /** Rises when a tab takes over the intents of the others: what they thought to be on the disk is theirs no more. */
  epoch: number
}

/** An operation that lies beside the row it is about, until it is in the op-log. */
export interface Captured<Op extends Operation = Operation> {
  /** Given by the store. */
  seq: number
  opId: string
  op: Op
  userId: string | null
  /** Ownership generation of the replica that let the write through. */
  flip: number
  /** Epoch ms. */
  at: number
}

/** A database of the host that has a replica. */
export interface HostDatabase {
  name: string
  /** The engine whose rows it holds; `null` where both engines share them. */
  store: EngineName | null
}

/** The handle, as the doors of host databases see it. */
export interface WritePort {
  /** A database is open: from here on it is raised with every change of ownership. */
  opened(database: HostDatabase): void
  /** What this handle knows, for a database with the rows of this engine whose replica was never raised. */
  rights(store: EngineName | null): Rights
  userId(): string | null
  /** Epoch ms. */
  now(): number
  mintId(): string
  /** Operations were captured. */
  captured(): void
  /** A write was refused. */
  fenced(rights: Rights): void
  report(error: GraySyncError): void
}

/** An engine's right to write, as it was when the engine was started. */
export interface EngineRights {
  port: WritePort
  engine: EngineName
  flip: number
  term: number
  /** Aborts when the engine is stopped. */
  signal: AbortSignal
  /** A write of this engine was refused. */
  fenced(): void
}
