import type { Dexie } from 'dexie'
import type { Running } from 'graysync'
import type { CardOp } from '../data/model.js'

/** Closes the connection of an engine once it has stopped: what it would still write is nobody's. */
export function closeAfter(database: Dexie, running: Running<CardOp>): Running<CardOp> {
  return {
    ...running,
    async stop(o) {
      const ended = await running.stop?.(o)
      database.close()
      return ended
    },
  }
}
