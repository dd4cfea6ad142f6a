import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'

const OPEN_TIMEOUT_MS = 2_000

/** Opens a database within a bound: a frozen tab can make an open hang with no `blocked` event. */
export async function openWithin<Schema extends DBSchema>(
  platform: Platform,
  name: string,
  version: number,
  upgrade: (db: IDBPDatabase<Schema>) => void,
): Promise<IDBPDatabase<Schema>> {
  if (!platform.indexedDB) {
    throw new GraySyncError('UNSUPPORTED', `no IndexedDB here, "${name}" can't be opened`)
  }
  let giveUp = () => {}
  const late = new Promise<never>((_, reject) => {
    giveUp = platform.setTimer(
      () => reject(new GraySyncError('STORE_BLOCKED', `opening "${name}" hangs`)),
      OPEN_TIMEOUT_MS,
    )
  })
  const opening = openDB<Schema>(name, version, {
    upgrade,
    blocking: (_current, _wanted, event) => (event.target as IDBDatabase).close(),
  })
  try {
    return await Promise.race([opening, late])
  } catch (cause) {
    opening.then((db) => db.close()).catch(() => undefined)
    throw toStoreError(cause, `"${name}" can't be opened`)
  } finally {
    giveUp()
  }
}

/** Names what IndexedDB threw by graysync's codes. */
export function toStoreError(cause: unknown, message: string): GraySyncError {
  if (cause instanceof GraySyncError) return cause
  const name = cause instanceof Error ? cause.name : typeof cause
  if (name === 'QuotaExceededError') return new GraySyncError('QUOTA', `${message}: no room`, { cause })
  if (name === 'VersionError') {
    return new GraySyncError('NEWER_STATE', `${message}: a newer build made it`, { cause })
  }
  return new GraySyncError('STORE', `${message}: ${name}`, { cause })
}
