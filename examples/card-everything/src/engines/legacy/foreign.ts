import { Dexie } from 'dexie'
import { type CardOp, type Row, type Table, toPlain } from '../../data/model.js'
import { createNaming } from './naming.js'

const DATABASES = ['CardAllUnifiedDatabase', 'CardAllUnifiedDB_v3'] as const
const STORE = 'syncQueue'
const TABLE_OF: Readonly<Record<string, Table>> = {
  card: 'cards',
  folder: 'folders',
  tag: 'tags',
  image: 'images',
}
const ENDED = ['completed', 'done', 'synced']

/** An operation that an earlier build left in a queue which no engine reads. */
export interface ForeignOperation {
  database: string
  key: string | number
  opId: string
  op: CardOp & { opId: string }
  userId: string | null
  state: 'open' | 'inflight' | 'failed'
}

interface Unnamed extends Pick<ForeignOperation, 'userId' | 'state'> {
  op: CardOp
}

/** A row of either queue: `entity` and `type`, or `entityType`, `operationType` and `status`. */
type QueueRow = Readonly<Record<string, unknown>>

/** Everything pending in the queues of earlier builds, oldest first. Makes no database that is not there. */
export async function readForeign(): Promise<ForeignOperation[]> {
  const found = await Promise.all(DATABASES.map(readDatabase))
  return found.flat()
}

export async function removeForeign(operations: readonly ForeignOperation[]): Promise<void> {
  for (const name of new Set(operations.map((operation) => operation.database))) {
    const keys = operations.filter((own) => own.database === name).map((own) => own.key)
    await withQueue(name, async (db) => {
      await db.table(STORE).bulkDelete(keys)
    })
  }
}

async function withQueue<T>(name: string, work: (db: Dexie) => Promise<T>): Promise<T | undefined> {
  if (!(await Dexie.exists(name))) return undefined
  const db = new Dexie(name)
  try {
    // Without a declared version Dexie takes the database as it is.
    await db.open()
    if (!db.tables.some((table) => table.name === STORE)) return undefined
    return await work(db)
  } finally {
    db.close()
  }
}

async function readDatabase(name: string): Promise<ForeignOperation[]> {
  const rows = await withQueue(name, async (db) => {
    const keys = await db.table(STORE).toCollection().primaryKeys()
    const values: QueueRow[] = await db.table(STORE).toArray()
    return values.map((row, index) => ({ row, key: keys[index] as string | number }))
  })
  if (!rows) return []
  const nameOf = createNaming(`${name}/${STORE}`)
  return rows
    .sort((a, b) => queuedAt(a.row) - queuedAt(b.row))
    .flatMap(({ row, key }) => {
      const operation = toForeign(row)
      if (!operation) return []
      const opId = nameOf(toPlain(row))
      return [{ ...operation, database: name, key, opId, op: { ...operation.op, opId } }]
    })
}

function queuedAt(row: QueueRow): number {
  const at = new Date(String(row.timestamp ?? row.createdAt ?? 0)).getTime()
  return Number.isNaN(at) ? 0 : at
}

function toForeign(row: QueueRow): Unnamed | null {
  const entity = TABLE_OF[String(row.entity ?? row.entityType)]
  const status = String(row.status ?? 'pending')
  const data = (row.data ?? {}) as Row
  const entityId = row.entityId ?? data.id
  if (!entity || entityId === undefined || ENDED.includes(status)) return null
  const id = String(entityId)
  const userId = row.userId ?? data.userId
  return {
    op: isDelete(row, data)
      ? { entity, entityId: id, kind: 'delete' }
      : { entity, entityId: id, kind: 'put', row: { ...toPlain(data), id } },
    userId: typeof userId === 'string' && userId !== 'default' ? userId : null,
    state: status === 'processing' ? 'inflight' : status === 'failed' ? 'failed' : 'open',
  }
}

/** Earlier builds merged a delete into a pending create and left the word `create` over an emptied row. */
function isDelete(row: QueueRow, data: Row): boolean {
  if ((row.type ?? row.operationType) === 'delete') return true
  return Object.keys(data).every((name) => name === 'userId' || name === 'id')
}
