import type { DBSchema, IDBPDatabase } from 'idb'
import { GraySyncError } from '../model/errors.js'
import { toStoreError } from './open.js'

/** A database that is opened again when its connection died under it. */
export interface Connection<Schema extends DBSchema> {
  /** Runs `work`, and once more on a fresh connection where the old one was dead: `work` begins from nothing each time. */
  run<T>(work: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T>
  /** Lets the connection go; the next work opens another. */
  rest(): void
  close(): void
}

export function connect<Schema extends DBSchema>(
  open: () => Promise<IDBPDatabase<Schema>>,
): Connection<Schema> {
  let current: Promise<IDBPDatabase<Schema>> | null = null
  let closed = false
  const reach = () => {
    if (closed) throw new GraySyncError('CLOSED', 'the handle is closed')
    current ??= open().catch((cause) => {
      // The next one tries again: what hung or had no room now may open then.
      current = null
      throw cause
    })
    return current
  }
  const drop = () => {
    current?.then((db) => db.close()).catch(() => undefined)
    current = null
  }
  return {
    async run(work) {
      try {
        return await work(await reach()).catch(async (cause) => {
          if (!isDead(cause)) throw cause
          drop()
          return work(await reach())
        })
      } catch (cause) {
        throw cause instanceof DOMException ? toStoreError(cause, 'store') : cause
      }
    },
    rest: drop,
    close() {
      closed = true
      drop()
    },
  }
}

/** Safari drops connections with `UnknownError`, Firefox and Chromium answer `InvalidStateError` on a closed one. */
function isDead(cause: unknown): boolean {
  return (
    cause instanceof DOMException &&
    (cause.name === 'InvalidStateError' || cause.name === 'UnknownError')
  )
}
