import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { CachedRollout } from '../model/rollout.js'
import { withinTime } from '../platform/bound.js'
import type { GraySyncDatabase } from '../store/database.js'
import { toStoreError } from '../store/open.js'

const STORE_TIMEOUT_MS = 2_000

/** `older`: a higher version is there, nothing was written. `absent`: there is no database. */
export type Written = 'written' | 'older' | 'absent'

/** The last good rollout on this device, shared by all tabs. Every member rejects with a `GraySyncError`. */
export interface Cache {
  /** Rejects with `ROLLOUT_SCHEMA` when what is stored has not the shape of a record. */
  read(): Promise<CachedRollout | null>
  write(record: CachedRollout): Promise<Written>
  /** Deletes the record unless another tab has replaced it; `null` stands for one without a shape. */
  drop(bad: CachedRollout | null): Promise<void>
}

export function createCache(platform: Platform, database: GraySyncDatabase | null): Cache {
  const store = async <T>(work: (db: GraySyncDatabase) => Promise<T>, absent: T): Promise<T> => {
    if (!database) return absent
    try {
      return await withinTime(platform, STORE_TIMEOUT_MS, work(database), hangs)
    } catch (cause) {
      throw toStoreError(cause, 'the rollout cache failed')
    }
  }
  return {
    async read() {
      const held: unknown = await store((db) => db.get('rollout', 'rollout'), undefined)
      if (held === undefined) return null
      if (isRecord(held)) return held
      throw new GraySyncError('ROLLOUT_SCHEMA', 'the cached rollout is not a record')
    },
    write: (record) =>
      store<Written>(async (db) => {
        const tx = db.transaction('rollout', 'readwrite')
        const held: unknown = await tx.store.get('rollout')
        if (isRecord(held) && held.version > record.version) return 'older'
        await Promise.all([tx.store.put(record), tx.done])
        return 'written'
      }, 'absent'),
    drop: (bad) =>
      store(async (db) => {
        const tx = db.transaction('rollout', 'readwrite')
        const held: unknown = await tx.store.get('rollout')
        const same = isRecord(held) ? held.envelope === bad?.envelope : true
        if (same) await tx.store.delete('rollout')
        await tx.done
      }, undefined),
  }
}

export function isRecord(value: unknown): value is CachedRollout {
  if (typeof value !== 'object' || value === null) return false
  const { key, envelope, version, etag, writtenAt } = value as Record<string, unknown>
  return (
    key === 'rollout' &&
    typeof envelope === 'string' &&
    Number.isSafeInteger(version) &&
    (etag === null || typeof etag === 'string') &&
    Number.isFinite(writtenAt)
  )
}

function hangs(): GraySyncError {
  return new GraySyncError('STORE_BLOCKED', 'the rollout cache hangs')
}
