/**
 * What the server does with a request.
 * `keyed`: one effect an operation id. `ledger`: the same, and an older term is refused.
 * `fenced`: whole rows are put, an older term is refused. `upsert`, `insert`: neither ids nor terms.
 */
export type ServerKind = 'keyed' | 'ledger' | 'fenced' | 'upsert' | 'insert'

/** How much may happen. */
export interface Bounds {
  server: ServerKind
  /**
   * `captured`: a host's writes are captured, each engine has a database with a fence replica.
   * `shared`: the same, in one database for both engines. `plain`: operations come by `enqueue` only, nothing is fenced locally.
   */
  layout: 'captured' | 'shared' | 'plain'
  /** Operations, and how they come: at most three. */
  writes: number
  enqueues: number
  /** The operations are spread over so many entities in turn. */
  entities: number
  /** Operations in the legacy queue from before graysync; they come first. */
  old: number
  crashes: number
  /** Times that a live leader loses the lock and goes on unaware. */
  steals: number
  /** Handovers begun: from owner to owner in turn, also after one that was taken back. */
  handovers: number
  /** Steps of a handover that fail, before or after its commit. */
  failures: number
  /** Requests that go out again under the same term. */
  retries: number
}

/** The rules of the protocol, each of which can be taken out. */
export interface Rules {
  /** The replica is read in the transaction that writes. */
  checksInside: boolean
  /** A step of the coordinator compares phase, handover and claim. */
  comparesAndSets: boolean
  exportsAfterFence: boolean
  /** Every replica is raised before captured operations are drained and the queue is read. */
  raisesBeforeExport: boolean
  /** What was captured goes into the op-log before the snapshot. */
  drainsBeforeExport: boolean
  /** The source is closed and drained once more before the target takes writes. */
  drainsBeforeGrant: boolean
  /** While nobody owns the profile only the source takes writes. */
  limbo: 'source' | 'both'
  /** The target's replica is granted after the commit only. */
  grantsAfterCommit: boolean
  exportsInflight: boolean
  /** What a queue holds is taken into the op-log under the claim of the handover that read it. */
  adoptsUnderClaim: boolean
  /** What is staged replaces what this handover staged before and bears its id; else all attempts share one place. */
  stagesByHandover: boolean
  /** Activating twice does not double. */
  activatesOnce: boolean
  /** A handover that another boot finishes activates what is still open, not what was staged. */
  restages: boolean
  /** A seal takes what this handover exported out of the source's queue, once. */
  seals: boolean
  /** Forwarding and enqueueing append an operation once. */
  appendsOnce: boolean
  /** `enqueue` forwards what was captured before it appends. */
  forwardsFirst: boolean
  /** Every writer has a term of its own. */
  termPerWriter: boolean
  /** After a handover that failed the tab takes a term of its own, or goes on under the one that stands. */
  afterFailure: 'boots' | 'reads'
  /** What this tab accepted goes to the engine behind what others accepted before, or at once. */
  pumps: 'inOrder' | 'arrivedFirst'
  /** An engine waits for the answer to its own request before it sends the next operation of the entity. */
  sendsInTurn: boolean
  /** An acknowledgement is in the op-log before the queue forgets the operation. */
  acksLogFirst: boolean
  /** An engine knows acknowledged operations again. */
  remembers: boolean
  /** What an acknowledgement from an older term does to the op-log: it is a fact, or it is dropped. */
  lateAcks: 'count' | 'drop'
}

export interface Protocol extends Bounds, Rules {}

export const RULES: Rules = {
  checksInside: true,
  comparesAndSets: true,
  exportsAfterFence: true,
  raisesBeforeExport: true,
  drainsBeforeExport: true,
  drainsBeforeGrant: true,
  limbo: 'source',
  grantsAfterCommit: true,
  exportsInflight: true,
  adoptsUnderClaim: true,
  stagesByHandover: true,
  activatesOnce: true,
  restages: true,
  seals: true,
  appendsOnce: true,
  forwardsFirst: true,
  termPerWriter: true,
  afterFailure: 'boots',
  pumps: 'inOrder',
  sendsInTurn: true,
  acksLogFirst: true,
  remembers: true,
  lateAcks: 'count',
}
