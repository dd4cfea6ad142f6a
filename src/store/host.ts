import type { DBSchema, IDBPDatabase } from 'idb'
import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { Captured, Replica, Rights } from '../model/writes.js'
import { withinTime } from '../platform/bound.js'
import { connect } from './connection.js'
import { openExisting } from './open.js'

const STEP_TIMEOUT_MS = 2_000

/** What graysync has in a database of the host, beside the host's own stores. */
interface HostSchema extends DBSchema {
  graysyncFence: { key: string; value: Replica }
  graysyncCaptured: { key: number; value: Captured; indexes: { opId: string } }
}

/** A database of the host, by a connection of our own. Where it, or our part of it, is not there, nothing happens. */
export interface HostConnection {
  /** Raises the replica; a higher one stays. `false` where there is none. */
  raise(rights: Rights): Promise<boolean>
  countCaptured(): Promise<number>
  /** The oldest operations that were captured and not moved since, in order. */
  readCaptured(limit: number): Promise<Captured[]>
  /** Deletes these, once they are in the op-log; in a database that was made anew their numbers are those of others. */
  dropCaptured(captured: readonly Captured[]): Promise<void>
  close(): void
}

export function connectHost(platform: Platform, name: string): HostConnection {
  const absent = new GraySyncError('UNSUPPORTED', `"${name}" has no stores of graysync`)
  const connection = connect(platform, async () => {
    const db = await openExisting<HostSchema>(platform, name)
    if (!db) throw absent
    const { objectStoreNames: stores } = db
    if (stores.contains('graysyncFence') && stores.contains('graysyncCaptured')) return db
    db.close()
    throw absent
  })
  const run = async <T>(
    work: (db: IDBPDatabase<HostSchema>) => Promise<T>,
    none: T,
  ): Promise<T> => {
    // A tab that froze inside a transaction holds up every other one.
    const late = () => new GraySyncError('STORE_BLOCKED', `"${name}" does not answer`)
    try {
      return await withinTime(platform, STEP_TIMEOUT_MS, connection.run(work), late)
    } catch (cause) {
      if (isGraySyncError(cause) && cause.code === 'UNSUPPORTED') return none
      throw cause
    }
  }
  return {
    raise: ({ flip, term, owner }) =>
      run(async (db) => {
        const tx = db.transaction('graysyncFence', 'readwrite', { durability: 'strict' })
        const found = await tx.store.get('replica')
        const isHigher = !found || flip > found.flip || (flip === found.flip && term > found.term)
        if (isHigher) {
          await tx.store.put({ key: 'replica', flip, term, owner, epoch: found?.epoch ?? 0 })
        }
        await tx.done
        return true
      }, false),
    countCaptured: () => run((db) => db.count('graysyncCaptured'), 0),
    readCaptured: (limit) => run((db) => db.getAll('graysyncCaptured', null, limit), []),
    dropCaptured: (captured) =>
      run(async (db) => {
        const tx = db.transaction('graysyncCaptured', 'readwrite')
        for (const { seq, opId } of captured) {
          if ((await tx.store.get(seq))?.opId === opId) await tx.store.delete(seq)
        }
        await tx.done
      }, undefined),
    close: connection.close,
  }
}
