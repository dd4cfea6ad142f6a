import { type DBCore, Dexie, type Table as DexieTable, type Middleware } from 'dexie'
import { grayStores } from 'graysync/dexie'
import type { CardOp, Row, Table } from '../../data/model.js'
import type { StagedTable } from '../staged.js'

/** One row of the operation log: the queue of this engine, and its memory of what was done. */
export interface LogRow {
  /** Given by the database, rises with every operation. */
  seq?: number
  opId: string
  state: 'open' | 'inflight' | 'acked' | 'failed'
  userId: string | null
  entity: Table
  entityId: string
  /** Gone once the operation has its end. */
  op?: CardOp
  /** Epoch ms. */
  at: number
}

/** A row that was deleted, as of the version that went: an older version may not bring it back. */
export interface Tombstone {
  table: Table
  id: string
  syncVersion: number
}

/** `cursor`: how far changes were read, by user. `exported`: the last operation handed out. `queued`: operations ever queued. */
export interface Note {
  key: string
  value: string | number
}

export type RefactoredDatabase = Dexie &
  Record<Table, DexieTable<Row, string>> & {
    log: DexieTable<LogRow, number>
    tombstones: DexieTable<Tombstone, [string, string]>
    staged: StagedTable
    notes: DexieTable<Note, string>
  }

/** Describes the database of the refactored engine; it opens with the first query. Writes pass `guard` first. */
export function createRefactoredDatabase(
  name = 'CardEverythingNext',
  guard?: Middleware<DBCore>,
): RefactoredDatabase {
  const db = new Dexie(name) as RefactoredDatabase
  const synced = 'userId,updatedAt'
  db.version(1).stores({
    cards: `id,folderId,${synced}`,
    folders: `id,parentId,${synced}`,
    tags: `id,name,${synced}`,
    images: `id,cardId,${synced}`,
    log: '++seq,&opId,state,[entity+entityId]',
    tombstones: '[table+id]',
    staged: '[handover+position],handover',
    notes: 'key',
  })
  db.version(2).stores({ ...grayStores })
  if (guard) db.use(guard)
  return db
}
