import type { DBSchema, IDBPDatabase } from 'idb'
import type { TableLedger } from '../model/ledger.js'
import type { Platform } from '../model/platform.js'
import type { FeedbackEntry, Lane, TelemetryRecord } from '../model/record.js'
import type { RepairPlan, UndoStep } from '../model/repair.js'
import type { CachedRollout } from '../model/rollout.js'
import { openWithin } from './open.js'

/** A chunk of records: written once, deleted once upstream has it. */
export interface Chunk {
  id: string
  v: 1
  lane: Lane
  /** Records in it. */
  count: number
  /** Of `json` in UTF-8. */
  bytes: number
  /** Epoch ms of its first record. */
  since: number
  /** JSON array of records. */
  json: string
}

/** A file that belongs to a feedback entry and travels after it. */
export interface StoredFile {
  id: string
  entry: string
  blob: Blob
  /** Epoch ms. */
  since: number
}

/** When the sender may try again; shared by all tabs and kept across reloads. */
export interface Schedule {
  key: 'schedule'
  /** Nothing is sent before this instant, epoch ms. */
  notBefore: number
  /** Upstream named the instant itself: nothing but time lifts it. */
  told: boolean
  /** Attempts since the last one that got through. */
  failures: number
  /** Until when nothing is sent but a probe: upstream refuses these requests whatever they hold. */
  parked: Partial<Record<Lane | 'file' | 'erasure', number>>
}

/** What the outbox remembers beside the chunks. */
export type OutboxNote =
  | Schedule
  /** Records given up, by `lane:reason`; a record upstream takes them over. */
  | { key: 'drops'; counts: Readonly<Record<string, number>> }
  /** The last records that upstream called unacceptable. */
  | { key: 'dead'; records: readonly TelemetryRecord[] }
  /** What the user said here, the last few, and what became of it. */
  | { key: 'entries'; entries: readonly FeedbackEntry[] }
  /** Installations that upstream has not forgotten yet. */
  | { key: 'erasures'; installations: readonly string[] }

/** What audits and repairs keep: a table's ledger, a plan, or what takes a part of it back. */
export type LedgerRow =
  | { key: string; table: TableLedger }
  | { key: string; plan: RepairPlan }
  | { key: string; undo: readonly UndoStep[] }

/** `graysync`: what may be upgraded. All but the outbox is disposable. */
export interface GraySyncSchema extends DBSchema {
  rollout: { key: string; value: CachedRollout }
  ledger: { key: string; value: LedgerRow }
  health: { key: string; value: { key: string } & Record<string, unknown> }
  chunks: { key: string; value: Chunk; indexes: { lane: [Lane, number, number, number] } }
  blobs: { key: string; value: StoredFile }
  outbox: { key: string; value: OutboxNote }
}

export type GraySyncDatabase = IDBPDatabase<GraySyncSchema>

export function openDatabase(platform: Platform): Promise<GraySyncDatabase> {
  return openWithin<GraySyncSchema>(platform, 'graysync', 1, (db) => {
    db.createObjectStore('rollout', { keyPath: 'key' })
    db.createObjectStore('ledger', { keyPath: 'key' })
    db.createObjectStore('health', { keyPath: 'key' })
    // Covers all that eviction asks, so that bounds are kept without reading a record.
    db.createObjectStore('chunks', { keyPath: 'id' }).createIndex('lane', [
      'lane',
      'since',
      'bytes',
      'count',
    ])
    db.createObjectStore('blobs', { keyPath: 'id' })
    db.createObjectStore('outbox', { keyPath: 'key' })
  })
}
