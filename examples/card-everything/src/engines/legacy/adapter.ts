import { defineEngine, type Engine, type Pending, type Queue } from 'graysync'
import { dexieSource, fenceWrites } from 'graysync/dexie'
import { type CardOp, TABLES } from '../../data/model.js'
import { closeAfter } from '../close.js'
import { knows } from '../knows.js'
import { discardStaged, readStaged, type Staged, stage } from '../staged.js'
import { createLegacyDatabase, type Handled, type LegacyDatabase } from './database.js'
import type { LegacyOptions } from './engine.js'
import { readForeign, removeForeign } from './foreign.js'
import {
  createLegacyQueue,
  isLarge,
  type LegacyQueue,
  toEntry,
  toOperation,
  userOf,
} from './queue.js'
import { createLegacyStore } from './store.js'

/** The legacy engine as graysync steers it. Only `start` loads the engine itself. */
export function legacyEngine(o: LegacyOptions): Engine<CardOp> {
  const queue = createLegacyQueue(o.storage)
  return defineEngine<CardOp>({
    version: '5.0.0',
    knows,
    replay: 'keyed',
    data: dexieSource(o.database, { name: 'legacy', tables: [...TABLES], ...o.watch }),
    store: createLegacyStore(o.database),
    queue: describeQueue(o.database, queue),
    async start(ctx) {
      const { startLegacy } = await import('./engine.js')
      // A connection of its own: what this engine writes is refused once another one owns the profile.
      const database = createLegacyDatabase(o.database.name, fenceWrites(ctx))
      return closeAfter(database, await startLegacy({ ...o, database, ctx, queue }))
    },
  })
}

function describeQueue(db: LegacyDatabase, queue: LegacyQueue): Queue<CardOp> {
  return {
    async size() {
      const entries = queue.read()
      const foreign = await readForeign()
      const times = entries.map((entry) => Date.parse(entry.timestamp)).filter(Number.isFinite)
      return {
        count: entries.length + foreign.length,
        inflight: entries.filter((entry) => entry.status === 'inflight').length,
        seq: queue.count(),
        ...(times.length > 0 ? { oldestAt: Math.min(...times) } : {}),
      }
    },
    exporter: {
      async read() {
        const own = await readOwn(db, queue)
        const foreign = await readForeign()
        const pending = [
          ...foreign.map(({ opId, op, userId, state }) => ({ opId, op, userId, state })),
          ...own,
        ]
        // Only what was handed out may be sealed: a stale build may append in between.
        await db.notes.put({ key: 'exported', ids: pending.map(({ opId }) => opId) })
        return pending
      },
      async seal() {
        const exported = new Set((await db.notes.get('exported'))?.ids)
        if (exported.size === 0) return
        const foreign = await readForeign()
        await removeForeign(foreign.filter(({ opId }) => exported.has(opId)))
        queue.remove(exported)
        await db.handled
          .where('opId')
          .anyOf([...exported])
          .and(isPending)
          .delete()
        await db.notes.delete('exported')
      },
    },
    importer: {
      stage: (ops, handover) => stage(db.staged, ops, handover),
      activate: (handover) => activate(db, queue, handover),
      discard: (handover) => discardStaged(db.staged, handover),
    },
  }
}

function isPending(handled: Handled): boolean {
  return handled.state === 'pending'
}

async function readOwn(db: LegacyDatabase, queue: LegacyQueue): Promise<Pending<CardOp>[]> {
  const entries = queue.read()
  const kept = await db.handled.bulkGet(entries.map(({ opId }) => opId))
  return entries.map((entry, index) => ({
    opId: entry.opId,
    op: toOperation(entry, kept[index]?.row),
    userId: userOf(entry),
    state: entry.status ?? 'open',
  }))
}

/** Moves staged operations into the queue; what a crash left half done is done again without doubling. */
async function activate(db: LegacyDatabase, queue: LegacyQueue, handover: string): Promise<void> {
  const staged = await readStaged(db.staged, handover)
  const at = Date.now()
  const fresh = await db.transaction('rw', db.handled, async () => {
    const known = await db.handled.bulkGet(staged.map(({ opId }) => opId))
    const open = staged.filter((_, index) => (known[index]?.state ?? 'pending') === 'pending')
    await db.handled.bulkPut(open.map((own) => toHandled(own, at)))
    return open
  })
  queue.append(
    fresh.map(({ opId, op, userId }) => toEntry({ ...op, opId }, { userId, isNew: false, at })),
  )
  await discardStaged(db.staged, handover)
}

function toHandled({ opId, op }: Staged, at: number): Handled {
  const { entity, entityId, row } = op
  return {
    opId,
    entity,
    entityId,
    state: 'pending',
    at,
    ...(row && isLarge(row) ? { row } : {}),
  }
}
