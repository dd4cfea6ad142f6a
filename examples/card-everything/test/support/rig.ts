import { randomUUID } from 'node:crypto'
import type { Engine, Running } from 'graysync'
import { createTransport } from '../../../../src/engine/transport.js'
import type { Identified } from '../../../../src/model/operation.js'
import type { CardOp } from '../../src/data/model.js'
import { legacyEngine } from '../../src/engines/legacy/adapter.js'
import { createLegacyDatabase, type LegacyDatabase } from '../../src/engines/legacy/database.js'
import { refactoredEngine } from '../../src/engines/refactored/adapter.js'
import {
  createRefactoredDatabase,
  type RefactoredDatabase,
} from '../../src/engines/refactored/database.js'
import { BASE, type Backend, createStorage } from './backend.js'

export interface Rig<Database> {
  engine: Engine<CardOp>
  db: Database
  storage: Storage
  /** Who is signed in; change it to sign in as somebody else. */
  session: { user: string | null }
  acked: string[]
  failed: string[]
  start(o?: {
    term?: number
    mode?: 'active' | 'shadow'
    fetch?: typeof fetch
    /** When graysync has written the ends that it is told. @default at once */
    written?: Promise<void>
  }): Promise<Started>
}

export interface Started {
  running: Required<Pick<Running<CardOp>, 'stop' | 'drain'>> & {
    push(op: Identified<CardOp>, applied?: boolean): Promise<void>
  }
  /** Sends and pulls until there is nothing to do. */
  settle(): Promise<void>
  stop(): Promise<void | { clean: boolean; inflight: string[] }>
}

interface Shared {
  backend: Backend
  storage?: Storage
  user?: string | null
  device?: string
}

export function rigLegacy(o: Shared): Rig<LegacyDatabase> {
  const db = createLegacyDatabase(`legacy ${randomUUID()}`)
  const storage = o.storage ?? createStorage()
  const session = { user: o.user === undefined ? randomUUID() : o.user }
  const user = () => session.user
  const engine = legacyEngine({ database: db, storage, user, base: BASE })
  return rig({ ...o, engine, db, storage, session })
}

export function rigRefactored(o: Shared): Rig<RefactoredDatabase> {
  const db = createRefactoredDatabase(`refactored ${randomUUID()}`)
  const session = { user: o.user === undefined ? randomUUID() : o.user }
  const engine = refactoredEngine({ database: db, user: () => session.user, base: BASE })
  return rig({ ...o, engine, db, storage: createStorage(), session })
}

function rig<Database>(
  o: Shared & Pick<Rig<Database>, 'engine' | 'db' | 'storage' | 'session'>,
): Rig<Database> {
  const { engine, db, storage, session } = o
  const acked: string[] = []
  const failed: string[] = []
  const device = o.device ?? randomUUID()
  return {
    engine,
    db,
    storage,
    session,
    acked,
    failed,
    async start({ term = 1, mode = 'active', fetch = o.backend.fetch, written } = {}) {
      const abort = new AbortController()
      const transport = createTransport({
        fetch,
        device,
        term,
        signal: abort.signal,
        highestTerm: async () => term,
        isSuspended: () => false,
        onFenced: () => undefined,
        onAnswer: () => undefined,
      })
      const started = await engine.start({
        mode,
        signal: abort.signal,
        fetch: transport.fetch,
        term,
        device,
        async ack(opId) {
          acked.push(opId)
          await written
        },
        async fail(opId) {
          failed.push(opId)
          await written
        },
      })
      const { push, stop, drain } = started ?? {}
      if (!push || !stop || !drain) throw new Error('the engine lacks a member')
      return {
        running: {
          push: async (op, applied = false) => push(op, { applied }),
          stop,
          drain,
        },
        settle: () => drain({ deadlineMs: 5_000 }),
        async stop() {
          const ended = await stop({ deadlineMs: 5_000 })
          abort.abort()
          return ended
        },
      }
    },
  }
}
