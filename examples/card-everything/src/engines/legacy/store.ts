import type { Store } from 'graysync'
import { type CardOp, type Row, TABLES, type Table } from '../../data/model.js'
import { pullLegacy, toDate, toLegacy } from '../../data/shape.js'
import type { LegacyDatabase } from './database.js'

/** The rows of the legacy engine: other shapes are converted on their way in. */
export function createLegacyStore(db: LegacyDatabase): Store<CardOp> {
  return {
    async hydrate(table, rows) {
      const name = table as Table
      await db.table(name).bulkPut(rows.map((row) => toLegacy(name, row as Row)))
    },
    apply: (op) => writeLocally(db, op),
    async clear() {
      await db.transaction('rw', [...TABLES.map((name) => db[name]), db.handled], async () => {
        for (const name of TABLES) await db[name].clear()
        // What was applied went with the rows; what waits in the queue may have its row there only.
        await db.handled.where('state').equals('pending').modify({ cleared: true })
      })
    },
  }
}

/** The effect of an operation on the rows: whole rows, deletes without a trace. */
export async function writeLocally(db: LegacyDatabase, op: CardOp): Promise<void> {
  if (op.kind === 'delete') {
    await db[op.entity].delete(op.entityId)
    return
  }
  if (!op.row) return
  const { syncVersion, ...row } = op.row
  const present = await db[op.entity].get(op.entityId)
  await db[op.entity].put(
    toLegacy(op.entity, {
      ...row,
      id: op.entityId,
      syncVersion: present?.syncVersion ?? syncVersion ?? 1,
      pendingSync: true,
    }),
  )
}

/** Takes a whole table of the cloud in: the last write wins, and rows with pending work are left alone. */
export async function mergeTable(
  db: LegacyDatabase,
  table: Table,
  cloud: readonly Record<string, unknown>[],
): Promise<void> {
  await db.transaction('rw', db[table], db.handled, async () => {
    const pending = await db.handled.where('state').equals('pending').toArray()
    const busy = new Set(pending.filter((own) => own.entity === table).map((own) => own.entityId))
    const settled = cloud.filter((row) => !busy.has(String(row.id)))
    const present = await db[table].bulkGet(settled.map((row) => String(row.id)))
    const newer = settled.flatMap((row, index) => {
      const local = present[index]
      if (row.is_deleted === true) return []
      if (local && toDate(row.updated_at) <= toDate(local.updatedAt)) return []
      return [pullLegacy(table, row, local)]
    })
    await db[table].bulkPut(newer)
    await db[table].bulkDelete(
      settled.filter((row) => row.is_deleted === true).map((row) => String(row.id)),
    )
  })
}
