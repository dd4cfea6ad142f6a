import { type DBSchema, type IDBPDatabase, wrap } from 'idb'
import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from '../platform/bound.js'

const OPEN_TIMEOUT_MS = 2_000

/** Opens a database within a bound: a frozen tab can make an open hang with no `blocked` event. */
export function openWithin<Schema extends DBSchema>(
  platform: Platform,
  name: string,
  version: number,
  upgrade: (db: IDBPDatabase<Schema>) => void,
): Promise<IDBPDatabase<Schema>> {
  return take(platform, name, (factory) => {
    const request = factory.open(name, version)
    request.onupgradeneeded = () => upgrade(wrap(request.result) as IDBPDatabase<Schema>)
    return request
  })
}

/** Opens a database of the host as it is, within a bound; `null` where there is none. */
export async function openExisting<Schema extends DBSchema>(
  platform: Platform,
  name: string,
): Promise<IDBPDatabase<Schema> | null> {
  let isNew = false
  const opening = take<Schema>(platform, name, (factory) => {
    const request = factory.open(name)
    request.onupgradeneeded = () => {
      isNew = true
      request.transaction?.abort()
    }
    return request
  })
  return opening.catch((cause) => {
    if (isNew) return null
    throw cause
  })
}

// Not idb's own `openDB`, which knows the global factory only.
async function take<Schema extends DBSchema>(
  platform: Platform,
  name: string,
  ask: (factory: IDBFactory) => IDBOpenDBRequest,
): Promise<IDBPDatabase<Schema>> {
  if (!platform.indexedDB) {
    throw new GraySyncError('UNSUPPORTED', `no IndexedDB here, "${name}" can't be opened`)
  }
  const request = ask(platform.indexedDB)
  request.addEventListener('success', () => tend(platform, request.result))
  const opening = wrap(request) as Promise<IDBPDatabase<Schema>>
  try {
    const db = await withinTime(
      platform,
      OPEN_TIMEOUT_MS,
      opening,
      () => new GraySyncError('STORE_BLOCKED', `opening "${name}" hangs`),
    )
    db.addEventListener('versionchange', () => db.close())
    return db
  } catch (cause) {
    opening.then((db) => db.close()).catch(() => undefined)
    throw toStoreError(cause, `"${name}" can't be opened`)
  }
}

/**
 * A transaction that dies tells those who wait for it; where nobody does, it is no failure of the page. What is open
 * where a page is kept would be so for as long, and no other page gets past it: it ends, and begins anew afterwards.
 */
function tend(platform: Platform, db: IDBDatabase): void {
  const { close, transaction } = Object.getPrototypeOf(db) as IDBDatabase
  const open = new Set<IDBTransaction>()
  const closing = new AbortController()
  db.transaction = (...args) => {
    const tx = transaction.apply(db, args)
    open.add(tx)
    wrap(tx)
      .done.catch(() => undefined)
      .finally(() => open.delete(tx))
    return tx
  }
  db.close = () => {
    closing.abort()
    close.call(db)
  }
  platform.onLife((life) => {
    if (life !== 'kept') return
    db.close()
    for (const tx of open) end(tx)
  }, closing.signal)
}

function end(tx: IDBTransaction): void {
  try {
    tx.abort()
  } catch {
    // It is about to commit, and does.
  }
}

/** Names what IndexedDB threw by graysync's codes. */
export function toStoreError(cause: unknown, message: string): GraySyncError {
  if (cause instanceof GraySyncError) return cause
  const name = cause instanceof Error ? cause.name : typeof cause
  if (name === 'QuotaExceededError')
    return new GraySyncError('QUOTA', `${message}: no room`, { cause })
  if (name === 'VersionError') {
    return new GraySyncError('NEWER_STATE', `${message}: a newer build made it`, { cause })
  }
  return new GraySyncError('STORE', `${message}: ${name}`, { cause })
}
