import { type CardOp, type Row, type Table, toPlain } from '../../data/model.js'
import { createNaming } from './naming.js'

export const QUEUE_KEY = 'cardall_sync_queue'
const COUNT_KEY = 'cardall_sync_queue_count'

/** Rows longer than this as JSON stay in the database: localStorage holds five megabytes in all. */
const LARGE_ROW = 8_192

/** One entry of the queue in localStorage, as the app has always written it; entries of old builds have no ids. */
export interface Entry {
  type: 'create' | 'update' | 'delete'
  table: Table
  localId: string
  /** Absent for a delete, and where the row is too large for localStorage. */
  data?: Row
  timestamp: string
  retryCount: number
  userId?: string | null
  opId?: string
  /** On the wire when the page died: nobody knows whether it arrived. */
  status?: 'inflight' | undefined
}

export type KnownEntry = Entry & { opId: string }

export interface LegacyQueue {
  /** In order; entries without an id get the same one at each reading. */
  read(): KnownEntry[]
  /** Appends what is not there yet. */
  append(entries: readonly KnownEntry[]): void
  /** Notes how an entry fares; a hint, which is left out where localStorage is full. */
  change(opId: string, fields: Partial<Entry>): void
  remove(opIds: ReadonlySet<string>): void
  /** Writes derived ids down, so that they outlive the entries before them; a hint, as every other write does so too. */
  settleIds(): void
  /** Operations ever queued. */
  count(): number
}

/** The queue in one key of localStorage. */
export function createLegacyQueue(storage: Storage): LegacyQueue {
  const read = (): KnownEntry[] => {
    const entries = parse(storage.getItem(QUEUE_KEY))
    const taken = entries.flatMap(({ opId }) => opId ?? [])
    const nameOf = createNaming(QUEUE_KEY, taken)
    return entries.map((entry) => ({ ...entry, opId: entry.opId ?? nameOf(toContent(entry)) }))
  }
  const save = (entries: readonly Entry[]) => storage.setItem(QUEUE_KEY, JSON.stringify(entries))
  const write = (entries: readonly KnownEntry[]) => {
    try {
      save(entries)
    } catch {
      // No room: ids that each reading derives again stay out, so that a queue that gets shorter fits.
      save(entries.map(leaveUnnamed))
    }
  }
  const note = (entries: readonly KnownEntry[]) => {
    try {
      write(entries)
    } catch {
      // No room: what is noted here is only good to know.
    }
  }
  const count = () => Number(storage.getItem(COUNT_KEY) ?? 0)
  return {
    read,
    append(entries) {
      const present = read()
      const known = new Set(present.map((entry) => entry.opId))
      const fresh = entries.filter((entry) => !known.has(entry.opId))
      if (fresh.length === 0) return
      write([...present, ...fresh])
      storage.setItem(COUNT_KEY, String(count() + fresh.length))
    },
    change: (opId, fields) =>
      note(read().map((entry) => (entry.opId === opId ? { ...entry, ...fields } : entry))),
    remove: (opIds) => write(read().filter((entry) => !opIds.has(entry.opId))),
    settleIds: () => note(read()),
    count,
  }
}

/** What an id is derived from. */
function toContent({ opId: _, timestamp: __, ...content }: Entry): object {
  return content
}

function leaveUnnamed(entry: KnownEntry): Entry {
  const { opId, ...unnamed } = entry
  return createNaming(QUEUE_KEY)(toContent(entry)) === opId ? unnamed : entry
}

function parse(text: string | null): Entry[] {
  try {
    const entries: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(entries) ? entries.filter(isEntry) : []
  } catch {
    return []
  }
}

function isEntry(value: unknown): value is Entry {
  const entry = value as Partial<Entry> | null
  return typeof entry?.table === 'string' && typeof entry.localId === 'string'
}

/** The entry of an operation; a large row stays out and is kept in the database. */
export function toEntry(
  op: CardOp & { opId: string },
  o: { userId: string | null; isNew: boolean; at: number },
): KnownEntry {
  return {
    opId: op.opId,
    type: op.kind === 'delete' ? 'delete' : o.isNew ? 'create' : 'update',
    table: op.entity,
    localId: op.entityId,
    ...(op.row && !isLarge(op.row) ? { data: op.row } : {}),
    timestamp: new Date(o.at).toISOString(),
    retryCount: 0,
    userId: o.userId,
  }
}

export function isLarge(row: Row): boolean {
  return JSON.stringify(row).length > LARGE_ROW
}

/** Whose entry it is; old builds left that to the row. */
export function userOf(entry: Entry): string | null {
  const user = entry.userId ?? entry.data?.userId
  return typeof user === 'string' && user !== 'default' ? user : null
}

/** The operation of an entry; `kept` is the large row that was kept apart. A put whose row is gone has none. */
export function toOperation(entry: KnownEntry, kept: Row | undefined): CardOp & { opId: string } {
  const head = { entity: entry.table, entityId: entry.localId, opId: entry.opId }
  if (entry.type === 'delete') return { ...head, kind: 'delete' }
  const row = kept ?? entry.data
  return { ...head, kind: 'put', ...(row && { row: { ...toPlain(row), id: entry.localId } }) }
}
