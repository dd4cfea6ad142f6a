import type { Store } from 'graysync'
import { type CardOp, type Row, TABLES, type Table } from '../../data/model.js'
import { pullRefactored, toRefactored } from '../../data/shape.js'
import type { RefactoredDatabase } from './database.js'

type User = () => string | null

/** The rows of the refactored engine: other shapes are converted on their way in. */
export function createRefactoredStore(db: RefactoredDatabase, user: User): Store<CardOp> {
  return {
    async hydrate(table, rows) {
      const name = table as Table
      const own = rows.map((row) => toRefactored(name, row as Row, user()))
      await db.transaction('rw', db[name], db.tombstones, async () => {
        await db.tombstones.bulkDelete(own.map((row): [string, string] => [name, row.id]))
        await db[name].bulkPut(own)
      })
    },
    apply: (op) =>
      db.transaction('rw', db[op.entity], db.tombstones, () => writeLocally(db, op, user())),
    async clear() {
      const tables = TABLES.map((name) => db[name])
      await db.transaction('rw', [...tables, db.tombstones, db.notes], async () => {
        for (const table of tables) await table.clear()
        await db.tombstones.clear()
        // Changes are read from the start again: what they brought is gone.
        await db.notes.where('key').startsWith('cursor').delete()
      })
    },
  }
}

/** The effect of an operation on the rows. Runs inside the caller's transaction. */
export async function writeLocally(
  db: RefactoredDatabase,
  op: CardOp,
  user: string | null,
): Promise<void> {
  const { entity, entityId } = op
  const present = await db[entity].get(entityId)
  const syncVersion = Number(present?.syncVersion ?? op.row?.syncVersion ?? 1)
  if (op.kind === 'delete') {
    await db.tombstones.put({ table: entity, id: entityId, syncVersion })
    await db[entity].delete(entityId)
    return
  }
  if (!op.row) return
  await db.tombstones.delete([entity, entityId])
  const row = { ...op.row, id: entityId, syncVersion, pendingSync: true }
  await db[entity].put(toRefactored(entity, row, user))
}

export interface Change {
  table: Table
  row: Readonly<Record<string, unknown>>
}

/** Takes one page of changes in, with the cursor that stands behind it, in one transaction. */
export async function mergeChanges(
  db: RefactoredDatabase,
  changes: readonly Change[],
  o: { user: string; cursor: string },
): Promise<void> {
  const tables = TABLES.map((name) => db[name])
  await db.transaction('rw', [...tables, db.tombstones, db.log, db.notes], async () => {
    for (const change of changes) await mergeChange(db, change, o.user)
    await db.notes.put({ key: cursorKey(o.user), value: o.cursor })
  })
}

export function cursorKey(user: string): string {
  return `cursor ${user}`
}

async function mergeChange(
  db: RefactoredDatabase,
  { table, row }: Change,
  user: string,
): Promise<void> {
  if (!TABLES.includes(table)) return
  const id = String(row.id)
  // The answer to what is still open here comes as a change of its own.
  if (await hasOpen(db, table, id)) return
  const syncVersion = Number(row.sync_version ?? 1)
  if (row.is_deleted === true) {
    await db.tombstones.put({ table, id, syncVersion })
    await db[table].delete(id)
    return
  }
  const deletedAt = (await db.tombstones.get([table, id]))?.syncVersion ?? 0
  if (syncVersion <= deletedAt) return
  await db.tombstones.delete([table, id])
  await db[table].put(pullRefactored(table, row, await db[table].get(id), user))
}

export async function hasOpen(db: RefactoredDatabase, table: Table, id: string): Promise<boolean> {
  const open = await db.log
    .where('[entity+entityId]')
    .equals([table, id])
    .filter((own) => own.state === 'open' || own.state === 'inflight')
    .count()
  return open > 0
}
