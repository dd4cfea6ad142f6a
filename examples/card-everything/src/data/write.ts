import type { EngineName } from 'graysync'
import type { RowChange, ToOperation } from 'graysync/dexie'
import type { LegacyDatabase } from '../engines/legacy/database.js'
import { writeLocally as writeLegacy } from '../engines/legacy/store.js'
import type { RefactoredDatabase } from '../engines/refactored/database.js'
import { writeLocally as writeRefactored } from '../engines/refactored/store.js'
import { type CardOp, TABLES, type Table, toPlain } from './model.js'

/** The operation of a written row, by table. */
export const captured: Record<Table, ToOperation<CardOp>> = {
  cards: (change) => toOperation('cards', change),
  folders: (change) => toOperation('folders', change),
  tags: (change) => toOperation('tags', change),
  images: (change) => toOperation('images', change),
}

function toOperation(entity: Table, change: RowChange): CardOp {
  const head = { entity, entityId: String(change.key) }
  if (change.type === 'delete') return { ...head, kind: 'delete' }
  return { ...head, kind: 'put', row: toPlain(change.row) }
}

/** Writes rows the way an engine keeps them, all or none. */
export async function writeRows(
  { legacy, refactored }: { legacy: LegacyDatabase; refactored: RefactoredDatabase },
  engine: EngineName,
  operations: readonly CardOp[],
  user: string | null,
): Promise<void> {
  if (engine === 'legacy') {
    const tables = TABLES.map((name) => legacy[name])
    await legacy.transaction('rw', tables, async () => {
      for (const op of operations) await writeLegacy(legacy, op)
    })
    return
  }
  const tables = TABLES.map((name) => refactored[name])
  await refactored.transaction('rw', [...tables, refactored.tombstones], async () => {
    for (const op of operations) await writeRefactored(refactored, op, user)
  })
}
