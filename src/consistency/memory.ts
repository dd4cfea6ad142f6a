import type { ErrorCode } from '../model/errors.js'
import type { GraySyncDatabase } from '../store/database.js'

/** What is remembered of a shadow from one start to the next. Lost, its store is filled anew. */
export interface ShadowMemory {
  /** The store: engine, version, and the ownership generation in which it was filled. */
  store: string
  filled: boolean
  /** Starts of its engine, one after the other, that the page did not survive. */
  deaths: number
  /** It was switched off, under a version of the engine and of the rollout. */
  off?: { under: string; because: ErrorCode }
}

const KEY = 'shadow'

/** What is known of a store; of another one nothing is. */
export async function readMemory(db: GraySyncDatabase, store: string): Promise<ShadowMemory> {
  const row = (await db.get('health', KEY)) as (ShadowMemory & { key: string }) | undefined
  return row?.store === store ? row : { store, filled: false, deaths: 0 }
}

export async function keepMemory(db: GraySyncDatabase, memory: ShadowMemory): Promise<void> {
  await db.put('health', { ...memory, key: KEY })
}
