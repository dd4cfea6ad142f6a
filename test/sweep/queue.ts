import type { DBSchema, IDBPTransaction } from 'idb'
import type { EngineName, Identified, Operation, Pending } from '../../src/model/operation.js'
import type { Platform } from '../../src/model/platform.js'
import { type Connection, connect } from '../../src/store/connection.js'
import { openWithin } from '../../src/store/open.js'

/** Appends a token, which exists once in the world, to the list of one note. */
export interface AppendOperation extends Operation {
  token: string
}

export interface NoteRow {
  id: string
  tokens: readonly string[]
}

export interface QueuedRow {
  seq: number
  opId: string
  op: Identified<AppendOperation>
  userId: string | null
  state: 'open' | 'inflight'
}

interface EngineSchema extends DBSchema {
  notes: { key: string; value: NoteRow }
  queue: { key: number; value: QueuedRow; indexes: { opId: string } }
  staged: { key: string; value: { handover: string; ops: Pending<AppendOperation>[] } }
  meta: { key: string; value: { key: string; seq: number } }
}

export type EngineDisk = Connection<EngineSchema>
export type Writing = IDBPTransaction<
  EngineSchema,
  ('notes' | 'queue' | 'staged' | 'meta')[],
  'readwrite'
>

export const nameOfDisk = (name: EngineName) => `engine-${name}`

export function openDisk(name: EngineName, platform: Platform): EngineDisk {
  return connect<EngineSchema>(platform, () =>
    openWithin<EngineSchema>(platform, nameOfDisk(name), 1, (db) => {
      db.createObjectStore('notes', { keyPath: 'id' })
      const queue = db.createObjectStore('queue', { keyPath: 'seq', autoIncrement: true })
      queue.createIndex('opId', 'opId')
      db.createObjectStore('staged', { keyPath: 'handover' })
      db.createObjectStore('meta', { keyPath: 'key' })
    }),
  )
}

export function write(disk: EngineDisk, work: (tx: Writing) => Promise<void>): Promise<void> {
  return disk.run(async (db) => {
    const tx = db.transaction(['notes', 'queue', 'staged', 'meta'], 'readwrite')
    await work(tx)
    await tx.done
  })
}

/** The row and its place in the queue in one transaction; twice is once. */
export function append(disk: EngineDisk, op: Identified<AppendOperation>): Promise<void> {
  return write(disk, async (tx) => {
    const notes = tx.objectStore('notes')
    const tokens = (await notes.get(op.entityId))?.tokens ?? []
    if (!tokens.includes(op.token)) {
      await notes.put({ id: op.entityId, tokens: [...tokens, op.token] })
    }
    await enqueue(tx, { opId: op.opId, op, userId: null })
  })
}

export async function enqueue(
  tx: Writing,
  row: Pick<QueuedRow, 'opId' | 'op' | 'userId'>,
): Promise<void> {
  if (await tx.objectStore('queue').index('opId').getKey(row.opId)) return
  await tx.objectStore('queue').add({ ...row, state: 'open' } as QueuedRow)
  const seq = (await tx.objectStore('meta').get('seq'))?.seq ?? 0
  await tx.objectStore('meta').put({ key: 'seq', seq: seq + 1 })
}
