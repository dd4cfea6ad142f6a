import type { Engine, QueueImporter } from '../../src/model/engine.js'
import type { EngineName, Pending } from '../../src/model/operation.js'
import type { Platform } from '../../src/model/platform.js'
import type { Source, SourceRow } from '../../src/model/source.js'
import {
  type AppendOperation,
  append,
  type EngineDisk,
  enqueue,
  type NoteRow,
  openDisk,
  type QueuedRow,
  write,
} from './queue.js'
import { createSender } from './sender.js'

/** How much an engine of the sweep can do. */
export type Tier = 'drain' | 'contained' | 'keyed' | 'versioned' | 'fenced'

const REPLAY = {
  drain: 'unsafe',
  contained: 'unsafe',
  keyed: 'keyed',
  versioned: 'versioned',
  fenced: 'keyed',
} as const

/** An engine with a store and a queue of its own on a tab's disk, which sends one operation after the other to a server. */
export function createQueueEngine(
  name: EngineName,
  tier: Tier,
  {
    platform,
    server = 'https://server.test/',
    width = 1,
  }: { platform: Platform; server?: string; width?: number },
): Engine<AppendOperation> {
  const disk = openDisk(name, platform)
  // An app has its database open before it reads or writes for anybody.
  disk.run(async () => undefined).catch(() => undefined)
  return {
    version: '1',
    replay: REPLAY[tier],
    start(ctx) {
      const sender = createSender({
        ctx,
        disk,
        name,
        platform,
        server,
        sendsRows: tier === 'versioned',
        width,
      })
      sender.kick()
      return {
        async push(op) {
          await append(disk, op)
          sender.kick()
        },
        stop: () => sender.stop(),
      }
    },
    queue: {
      size: () =>
        disk.run(async (db) => {
          const rows = await db.getAll('queue')
          const inflight = rows.filter((row) => row.state === 'inflight').length
          return { count: rows.length, inflight, seq: (await db.get('meta', 'seq'))?.seq ?? 0 }
        }),
      ...(tier !== 'drain' && {
        exporter: {
          read: () => disk.run(async (db) => (await db.getAll('queue')).map(toPending)),
          seal: () => disk.run((db) => db.clear('queue')),
        },
        importer: createImporter(disk),
      }),
    },
    data: createData(disk, name),
    store: {
      hydrate: (_, rows) =>
        write(disk, async (tx) => {
          for (const row of rows) await tx.objectStore('notes').put(row as NoteRow)
        }),
      apply: (op) => append(disk, op),
      clear: () => write(disk, (tx) => tx.objectStore('notes').clear()),
    },
  }
}

function toPending({ opId, op, userId, state }: QueuedRow): Pending<AppendOperation> {
  return { opId, op, userId, state }
}

function createImporter(disk: EngineDisk): QueueImporter<AppendOperation> {
  return {
    async stage(ops, handover) {
      await write(disk, async (tx) => {
        await tx.objectStore('staged').put({ handover, ops: [...ops] })
      })
      const staged = await disk.run((db) => db.get('staged', handover))
      return (staged?.ops ?? []).map((pending) => pending.opId)
    },
    activate: (handover) =>
      write(disk, async (tx) => {
        const staged = await tx.objectStore('staged').get(handover)
        for (const { opId, op, userId } of staged?.ops ?? []) {
          await enqueue(tx, { opId, op: { ...op, opId }, userId })
        }
        await tx.objectStore('staged').delete(handover)
      }),
    discard: (handover) => write(disk, (tx) => tx.objectStore('staged').delete(handover)),
  }
}

function createData(disk: EngineDisk, name: EngineName): Source {
  const toRow = (row: NoteRow): SourceRow => ({ key: row.id, row: { ...row } })
  return {
    name,
    tables: ['notes'],
    page: (_, after, limit) =>
      disk.run(async (db) => {
        const range = after === undefined ? undefined : IDBKeyRange.lowerBound(after, true)
        return (await db.getAll('notes', range, limit)).map(toRow)
      }),
    get: (_, keys) =>
      disk.run(async (db) => {
        const rows = await Promise.all(keys.map((key) => db.get('notes', key as string)))
        return rows.flatMap((row) => (row ? [toRow(row)] : []))
      }),
  }
}
