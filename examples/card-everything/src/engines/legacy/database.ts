import { type DBCore, Dexie, type Table as DexieTable, type Middleware } from 'dexie'
import { grayStores } from 'graysync/dexie'
import type { Row, Table } from '../../data/model.js'
import type { StagedTable } from '../staged.js'

/** What this engine did with an operation; keeps a second arrival from doing it again. */
export interface Handled {
  opId: string
  entity: Table
  entityId: string
  state: 'pending' | 'acked' | 'failed'
  /** Epoch ms. */
  at: number
  /** A row too large for localStorage, kept here until it is sent. */
  row?: Row
  /** Its effect went with the rows when they were emptied: it is applied again where it comes again. */
  cleared?: true
}

export type LegacyDatabase = Dexie &
  Record<Table, DexieTable<Row, string>> & {
    handled: DexieTable<Handled, string>
    staged: StagedTable
    notes: DexieTable<{ key: string; ids: string[] }, string>
  }

/** Describes the database of the legacy engine; it opens with the first query. Writes pass `guard` first. */
export function createLegacyDatabase(
  name = 'CardEverything',
  guard?: Middleware<DBCore>,
): LegacyDatabase {
  const db = new Dexie(name) as LegacyDatabase
  const synced = 'userId,createdAt,updatedAt,syncVersion'
  db.version(1).stores({
    cards: `id,folderId,${synced}`,
    folders: `id,parentId,${synced}`,
    tags: `id,name,${synced}`,
    images: `id,cardId,${synced}`,
    handled: 'opId,state',
    staged: '[handover+position],handover',
    notes: 'key',
  })
  db.version(2).stores({ ...grayStores })
  if (guard) db.use(guard)
  return db
}
