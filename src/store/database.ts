import type { DBSchema, IDBPDatabase } from 'idb'
import type { Platform } from '../model/platform.js'
import type { Lane } from '../model/record.js'
import type { CachedRollout } from '../model/rollout.js'
import { openWithin } from './open.js'

/** A chunk of records: written once, deleted once upstream has it. */
export interface Chunk {
  id: string
  v: 1
  lane: Lane
  /** Records in it. */
  count: number
  bytes: number
  /** Epoch ms of its first record. */
  since: number
  /** JSON array of records. */
  json: string
}

/** `graysync`: what may be upgraded. All but the outbox is disposable. */
export interface GraySyncSchema extends DBSchema {
  rollout: { key: string; value: CachedRollout }
  ledger: { key: string; value: { key: string } & Record<string, unknown> }
  health: { key: string; value: { key: string } & Record<string, unknown> }
  chunks: { key: string; value: Chunk; indexes: { lane: [Lane, number] } }
  blobs: { key: string; value: { id: string; entry: string; blob: Blob; since: number } }
  outbox: { key: string; value: { key: string } & Record<string, unknown> }
}

export type GraySyncDatabase = IDBPDatabase<GraySyncSchema>

export function openDatabase(platform: Platform): Promise<GraySyncDatabase> {
  return openWithin<GraySyncSchema>(platform, 'graysync', 1, (db) => {
    db.createObjectStore('rollout', { keyPath: 'key' })
    db.createObjectStore('ledger', { keyPath: 'key' })
    db.createObjectStore('health', { keyPath: 'key' })
    db.createObjectStore('chunks', { keyPath: 'id' }).createIndex('lane', ['lane', 'since'])
    db.createObjectStore('blobs', { keyPath: 'id' })
    db.createObjectStore('outbox', { keyPath: 'key' })
  })
}
