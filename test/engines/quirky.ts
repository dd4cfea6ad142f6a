import { type IDBPDatabase, openDB } from 'idb'
import { deriveOperationId } from '../../src/lib/id.js'
import type { Queue } from '../../src/model/engine.js'
import type { Pending } from '../../src/model/operation.js'
import { createFakeEngine, type FakeEngine, type RowOperation } from '../../src/testing.js'

/** Never stops: it offers no way to, and its timers go on. */
export function createRestless(): FakeEngine {
  const engine = createFakeEngine(['cards'])
  const { start } = engine
  engine.start = async (ctx) => {
    const running = await start(ctx)
    return running?.push ? { push: running.push } : {}
  }
  return engine
}

/** Says that everything went well, and sends nothing. */
export function createLiar(): FakeEngine {
  const engine = createFakeEngine(['cards'])
  const { start } = engine
  engine.start = async (ctx) => {
    await start(ctx)
    return {
      async push(op) {
        await engine.store?.apply(op)
        ctx.ack(op.opId)
      },
      stop: () => ({ clean: true, inflight: [] }),
    }
  }
  return engine
}

/** Starts when it is imported, so that only its own start may import it. */
export function createHasty(version: string): FakeEngine {
  const engine = createFakeEngine(['cards'], version)
  const { start } = engine
  engine.start = async (ctx) => {
    await import('./hasty.js')
    return start(ctx)
  }
  return engine
}

/** The three shapes in which one app has kept what it still had to send. */
export const SHAPES = ['list in localStorage', 'rows by entity', 'rows with a status'] as const
export type Shape = (typeof SHAPES)[number]

/** Where an old queue lies. */
export interface OldQueue {
  add(kind: string, id: string): Promise<void>
  queue: Queue<RowOperation>
}

interface Read {
  kind: string
  id: string
  state: Pending<RowOperation>['state']
  content: unknown
}

export function openOldQueue(shape: Shape, notes: Map<string, string>): OldQueue {
  const rows = shape === 'list in localStorage' ? openList(notes) : openRows(shape)
  const read = async (): Promise<Pending<RowOperation>[]> => {
    const seen = new Map<string, number>()
    return (await rows.read()).map(({ kind, id, state, content }) => {
      const first = deriveOperationId(shape, content, 0)
      const ordinal = seen.get(first) ?? 0
      seen.set(first, ordinal + 1)
      const opId = deriveOperationId(shape, content, ordinal)
      const op = { entity: 'cards', entityId: id, kind, row: { text: kind }, opId }
      return { opId, op, userId: null, state }
    })
  }
  return {
    add: rows.add,
    queue: {
      size: async () => ({ count: (await rows.read()).length }),
      exporter: { read, seal: rows.clear },
    },
  }
}

interface Rows {
  add(kind: string, id: string): Promise<void>
  read(): Promise<Read[]>
  clear(): Promise<void>
}

/** `{ type, table, localId, data, timestamp, retryCount }`, all of them under one key. */
function openList(notes: Map<string, string>): Rows {
  interface Item {
    type: string
    table: string
    localId: string
    retryCount: number
  }
  const key = 'old_sync_queue'
  const read = () => JSON.parse(notes.get(key) ?? '[]') as Item[]
  return {
    async add(type, localId) {
      const item = { type, table: 'cards', localId, data: { text: type }, retryCount: 0 }
      notes.set(key, JSON.stringify([...read(), item]))
    },
    read: async () =>
      read().map((item) => ({ kind: item.type, id: item.localId, state: 'open', content: item })),
    clear: async () => void notes.delete(key),
  }
}

/** `{ type, entity, entityId }` without a status, or `{ entityType, operationType, status }` whose rows may be stuck at work. */
function openRows(shape: Exclude<Shape, 'list in localStorage'>): Rows {
  const hasStatus = shape === 'rows with a status'
  const open = (): Promise<IDBPDatabase> =>
    openDB(`old-queue-${hasStatus ? 2 : 1}`, 1, {
      upgrade: (db) => void db.createObjectStore('syncQueue', { autoIncrement: true }),
    })
  const within = async <T>(work: (db: IDBPDatabase) => Promise<T>): Promise<T> => {
    const db = await open()
    try {
      return await work(db)
    } finally {
      db.close()
    }
  }
  return {
    add: (kind, id) =>
      within(async (db) => {
        const row = hasStatus
          ? { entityType: 'cards', operationType: kind, entityId: id, status: 'processing' }
          : { type: kind, entity: 'cards', entityId: id }
        await db.add('syncQueue', row)
      }),
    read: () =>
      within(async (db) =>
        (await db.getAll('syncQueue')).map((row) => ({
          kind: row.operationType ?? row.type,
          id: row.entityId,
          state: row.status === 'processing' ? 'inflight' : 'open',
          content: row,
        })),
      ),
    clear: () => within((db) => db.clear('syncQueue')),
  }
}

/** How often the module of a hasty engine was loaded. */
export function countLoads(): number {
  return (globalThis as { hastyLoads?: number }).hastyLoads ?? 0
}
