import type { Pending, Queue } from 'graysync'
import type { CardOp } from '../../data/model.js'
import { discardStaged, readStaged, stage, toPages } from '../staged.js'
import type { LogRow, RefactoredDatabase } from './database.js'

/** The operation log as a queue that can be read, filled and emptied while the engine rests. */
export function describeQueue(db: RefactoredDatabase): Queue<CardOp> {
  return {
    async size() {
      const open = await readOpen(db)
      const oldestAt = open[0]?.at
      return {
        count: open.length,
        inflight: open.filter((row) => row.state === 'inflight').length,
        seq: Number((await db.notes.get('queued'))?.value ?? 0),
        ...(oldestAt === undefined ? {} : { oldestAt }),
      }
    },
    exporter: {
      async read() {
        const open = await readOpen(db)
        // Only what was handed out may be sealed.
        await db.notes.put({ key: 'exported', value: open.at(-1)?.seq ?? 0 })
        return open.flatMap(toPending)
      },
      async seal() {
        await db.transaction('rw', db.log, db.notes, async () => {
          const last = Number((await db.notes.get('exported'))?.value ?? 0)
          const sealed = (await readOpen(db)).filter((row) => (row.seq ?? 0) <= last)
          await db.log.bulkDelete(sealed.map((row) => row.seq ?? 0))
          await db.notes.delete('exported')
        })
      },
    },
    importer: {
      stage: (ops, handover) => stage(db.staged, ops, handover),
      async activate(handover) {
        await db.transaction('rw', db.log, db.staged, db.notes, async () => {
          const staged = await readStaged(db.staged, handover)
          const at = Date.now()
          for (const page of toPages(staged)) {
            const known = await db.log
              .where('opId')
              .anyOf(page.map(({ opId }) => opId))
              .toArray()
            const seen = new Set(known.map((row) => row.opId))
            const fresh = page.filter(({ opId }) => !seen.has(opId))
            await append(
              db,
              fresh.map(({ opId, op, userId }) => toLogRow({ ...op, opId }, userId, at)),
            )
          }
          await discardStaged(db.staged, handover)
        })
      },
      discard: (handover) => discardStaged(db.staged, handover),
    },
  }
}

/** Every operation without an end, in order. */
export async function readOpen(db: RefactoredDatabase): Promise<LogRow[]> {
  return db.log.where('state').anyOf('open', 'inflight').sortBy('seq')
}

/** Adds rows and counts them. Runs inside the caller's transaction over the log and the notes. */
export async function append(db: RefactoredDatabase, rows: readonly LogRow[]): Promise<void> {
  await db.log.bulkAdd([...rows])
  const queued = Number((await db.notes.get('queued'))?.value ?? 0)
  await db.notes.put({ key: 'queued', value: queued + rows.length })
}

export function toLogRow(op: CardOp & { opId: string }, userId: string | null, at: number): LogRow {
  const { opId, entity, entityId } = op
  return { opId, state: 'open', userId, entity, entityId, op, at }
}

function toPending(row: LogRow): Pending<CardOp>[] {
  if (!row.op) return []
  const state = row.state === 'inflight' ? 'inflight' : 'open'
  return [{ opId: row.opId, op: row.op, userId: row.userId, state }]
}
