import type { Platform } from '../model/platform.js'
import type { FeedbackEntry, Lane, TelemetryRecord, Telling } from '../model/record.js'
import type { Chunk, Schedule, StoredFile } from './database.js'
import { toUnsent } from './outbox-bounds.js'
import { readRecords, toChunk, toLine } from './outbox-buffer.js'
import { addEntries, type ChunkLog, type Drop, FREE } from './outbox-log.js'
import type { Shelf } from './outbox-shelf.js'
import type { Tail } from './outbox-tail.js'

const BATCH_BYTES = 192 * 1024

/** Records that go together, the urgent and the old first, and the chunks they came from. */
export interface Batch {
  lane: Lane
  ids: readonly string[]
  records: readonly TelemetryRecord[]
}

/** What became of a batch beside what upstream took. */
export interface Settlement {
  /** Kept for another time. */
  rest?: readonly TelemetryRecord[]
  drops?: readonly Drop[]
  dead?: readonly TelemetryRecord[]
  /** Not taken, and not kept either. */
  refused?: readonly TelemetryRecord[]
}

/** The sender's side of the outbox. */
export interface Backlog {
  /** The oldest records of a lane that may leave; `null` when there are none. */
  next(lane: Lane): Promise<Batch | null>
  /** Takes a batch out, all but what is kept for another time. */
  settle(batch: Batch, outcome: Settlement): Promise<void>
  /** Puts counted drops among the records, and answers whether there were any; `make` makes them. */
  tellDrops(make: (drop: Drop) => Telling): Promise<boolean>
  schedule(): Promise<Schedule>
  setSchedule(schedule: Schedule): Promise<void>
  nextFile(): Promise<StoredFile | null>
  settleFile(file: StoredFile, drops: readonly Drop[]): Promise<void>
  /** An installation that upstream is to forget. */
  nextErasure(): Promise<string | null>
  settleErasure(installation: string): Promise<void>
  /** What the user said here, and what became of it: the last few, oldest first. */
  entries(): Promise<readonly FeedbackEntry[]>
  /** What upstream called unacceptable, the last few. */
  deadLetters(): Promise<readonly TelemetryRecord[]>
}

export function createBacklog(o: {
  platform: Platform
  shelf: Shelf
  tail: Tail
  mayLeave(lane: Lane): boolean
  isOut(id: string): boolean
}): Backlog {
  const { platform, shelf, tail } = o

  const pack = (lane: Lane, records: readonly Telling[]) =>
    toChunk(
      platform,
      lane,
      records.flatMap((record) => toLine(platform, record) ?? []),
    )

  // What the disk did not take: another wait may be written there.
  let unwritten: Schedule | null = null

  const read = async (log: ChunkLog, lane: Lane) => {
    // A chunk of a newer build stays until that build runs again.
    const chunks = (await log.oldest(lane)).filter((chunk) => chunk.v === 1 && !o.isOut(chunk.id))
    const batch: { ids: string[]; records: TelemetryRecord[] } = { ids: [], records: [] }
    for (const chunk of fitting(chunks)) {
      // One entry at a time: where upstream takes only a part of a batch, it doesn't say which.
      if (lane === 'feedback' && batch.ids.length > 0) break
      const records = readRecords(chunk)
      if (records) {
        batch.ids.push(chunk.id)
        batch.records.push(...records)
      } else {
        const drop: Drop = { lane, reason: 'unreadable', count: chunk.count }
        await log.replace({ ids: [chunk.id], drops: [drop], entries: toUnsent([chunk]) })
      }
    }
    return batch.ids.length > 0 ? { lane, ...batch } : null
  }

  return {
    async next(lane) {
      if (!o.mayLeave(lane)) return null
      const before = tail.ids(lane)
      const stored = await shelf.reach((log) => read(log, lane))
      const batch = stored ?? (await read(shelf.memory, lane))
      // Nothing is left: what this tab wrote before has gone, by whichever tab.
      if (!batch) tail.forget(before.filter((id) => !o.isOut(id)))
      return batch
    },
    async settle({ lane, ids, records }, { rest = [], drops = [], dead = [], refused = [] }) {
      tail.forget(ids)
      const by = rest.length > 0 ? [pack(lane, rest)] : []
      const [kept, lost] = [new Set(rest), new Set([...dead, ...refused])]
      // By the record's own lane: a last breath mixes them.
      const entries = records
        .filter((record) => record.lane === 'feedback' && !kept.has(record))
        .map((record) => toEnd(record, lost.has(record)))
      await shelf.replace({ ids, by, drops, dead, entries })
      await shelf.memory.replace({ ids, by })
    },
    async tellDrops(make) {
      let hasTold = false
      if (!o.mayLeave('error')) return hasTold
      await shelf.reachAll((log) =>
        log.tell((drops) => {
          hasTold = true
          return pack('error', drops.map(make))
        }),
      )
      return hasTold
    },
    schedule: async () => unwritten ?? (await shelf.reach((log) => log.note('schedule'))) ?? FREE,
    setSchedule: (schedule) =>
      shelf.reach(async (log) => {
        unwritten = log === shelf.memory ? schedule : null
        await log.setNote(schedule)
      }),
    async nextFile() {
      const [stored] = await shelf.reach((log) => log.files())
      return stored ?? (await shelf.memory.files())[0] ?? null
    },
    async settleFile(file, drops) {
      await shelf.reach((log) => log.removeFile(file.id, drops))
      await shelf.memory.removeFile(file.id, [])
    },
    async nextErasure() {
      const stored = await shelf.reach((log) => log.note('erasures'))
      const note = stored?.installations.length ? stored : await shelf.memory.note('erasures')
      return note?.installations[0] ?? null
    },
    settleErasure: (installation) =>
      shelf.reachAll((log) => log.owe((held) => held.filter((each) => each !== installation))),
    async entries() {
      const note = await shelf.reach((log) => log.note('entries'))
      // Where the disk was full memory knows the end.
      const later = await shelf.memory.note('entries')
      return addEntries(note?.entries ?? [], later?.entries ?? [])
    },
    async deadLetters() {
      const note = await shelf.reach((log) => log.note('dead'))
      return note?.records ?? []
    },
  }
}

function toEnd({ uid, at }: TelemetryRecord, isLost: boolean): FeedbackEntry {
  return { id: uid, at, state: isLost ? 'refused' : 'sent' }
}

/** At least one, and no more than a request may hold. */
function fitting(chunks: readonly Chunk[]): Chunk[] {
  let bytes = 0
  return chunks.filter((chunk, index) => {
    bytes += chunk.bytes
    return index === 0 || bytes <= BATCH_BYTES
  })
}
