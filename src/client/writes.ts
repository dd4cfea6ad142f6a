import type { Replicas } from '../engine/replicas.js'
import type { Operations } from '../flows/enqueue.js'
import { mintId } from '../lib/id.js'
import type { Subject } from '../model/decision.js'
import type { GraySyncError } from '../model/errors.js'
import type { EngineName, Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { HostDatabase, Rights, WritePort } from '../model/writes.js'
import type { Emitter } from './events.js'
import type { Reload } from './reload.js'
import type { Session } from './session.js'

/** What becomes of the writes to the host's databases, once the handle is open. */
export interface WritesHandler {
  opened(database: HostDatabase): void
  rights(store: EngineName | null): Rights
  captured(): void
  fenced(rights: Rights): void
}

/** The port of the host's databases: there from the first moment, since the app opens them when it likes. */
export interface Writes {
  port: WritePort
  handleBy(handler: WritesHandler): void
}

export function createWrites(
  platform: Platform,
  subject: () => Subject | null,
  report: (error: GraySyncError) => void,
): Writes {
  let handler: WritesHandler | null = null
  /** By name: whoever serves next has to know of them too. */
  const databases = new Map<string, HostDatabase>()
  return {
    port: {
      opened(database) {
        databases.set(database.name, database)
        handler?.opened(database)
      },
      // Before the boot nobody is known to own anything: writes are carried.
      rights: (store) => handler?.rights(store) ?? { flip: 0, term: 0, owner: null },
      userId: () => subject()?.id ?? null,
      now: platform.now,
      mintId: () => mintId(platform.now(), platform.randomBytes(16)),
      // What is captured before the handle is open is found when it is.
      captured: () => handler?.captured(),
      fenced: (rights) => handler?.fenced(rights),
      report,
    },
    handleBy(next) {
      handler = next
      for (const database of databases.values()) next.opened(database)
    },
  }
}

/** Lets an open handle take what the host's databases tell. */
export function serveWrites<Op extends Operation>(
  writes: Writes,
  o: {
    replicas: Replicas
    operations: Operations<Op>
    session: Session<Op>
    reload: Reload
    emitter: Emitter
    report(cause: unknown): GraySyncError
  },
): void {
  writes.handleBy({
    opened: (database) => void o.replicas.add(database).catch(o.report),
    rights: o.replicas.rights,
    captured: () => void o.operations.take(),
    fenced({ term, owner }) {
      o.emitter.emit('fenced', { term })
      if (owner) o.reload.insist(owner)
      void o.session.look()
    },
  })
}
