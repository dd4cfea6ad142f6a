import type { DBSchema, IDBPDatabase } from 'idb'
import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import { toStoreError } from './open.js'

/** Before each opening anew: a browser whose storage process died needs a moment, and whoever waits here has a user. */
const PAUSES_MS = [0, 200, 1_000]

/** A database that is opened again when its connection died under it. */
export interface Connection<Schema extends DBSchema> {
  /** Runs `work`, and again on a fresh connection where the old one was dead, three times at most: `work` begins from nothing each time. */
  run<T>(work: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T>
  /** Lets the connection go; the next work opens another. */
  rest(): void
  close(): void
}

export function connect<Schema extends DBSchema>(
  platform: Platform,
  open: () => Promise<IDBPDatabase<Schema>>,
): Connection<Schema> {
  let current: Promise<IDBPDatabase<Schema>> | null = null
  let closed = false
  const openAfter = async (pauseMs: number) => {
    if (pauseMs > 0) await new Promise<void>((go) => platform.setTimer(go, pauseMs))
    if (closed) throw new GraySyncError('CLOSED', 'the handle is closed')
    return open()
  }
  /** One opening for all: who waits for it goes on in the order of coming. */
  const reach = (pauseMs: number) => {
    if (current) return current
    const opening = openAfter(pauseMs).catch((cause) => {
      // The next one tries again: what hung or had no room now may open then.
      if (current === opening) current = null
      throw cause
    })
    current = opening
    return opening
  }
  const drop = () => {
    current?.then((db) => db.close()).catch(() => undefined)
    current = null
  }
  return {
    async run(work) {
      let mine = reach(0)
      for (let tries = 0; ; tries++) {
        try {
          return await work(await mine)
        } catch (cause) {
          const pauseMs = PAUSES_MS[tries]
          if (pauseMs === undefined || !isDead(cause)) throw toCoded(cause)
          if (current === mine) drop()
          mine = reach(pauseMs)
        }
      }
    },
    rest: drop,
    close() {
      closed = true
      drop()
    },
  }
}

function toCoded(cause: unknown): unknown {
  return cause instanceof DOMException ? toStoreError(cause, 'store') : cause
}

/** Safari drops connections with `UnknownError`, Firefox and Chromium answer `InvalidStateError` on a closed one; a page that was kept finds `AbortError`. */
function isDead(cause: unknown): boolean {
  // An opening that failed says so by a code.
  const root = cause instanceof GraySyncError ? cause.cause : cause
  return (
    root instanceof DOMException &&
    ['InvalidStateError', 'UnknownError', 'AbortError'].includes(root.name)
  )
}
