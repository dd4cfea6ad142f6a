import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { Consent, Lane, TelemetryRecord, Telling } from '../model/record.js'
import type { Chunk, GraySyncDatabase, StoredFile } from './database.js'
import { type Backlog, type Batch, createBacklog } from './outbox-backlog.js'
import { hasReserve } from './outbox-bounds.js'
import { createBuffer, type Line, readRecords, toChunk, toChunks, toLine } from './outbox-buffer.js'
import { type DropReason, LANES } from './outbox-log.js'
import { createShelf } from './outbox-shelf.js'
import { createTail } from './outbox-tail.js'

const RECORD_BYTES = 60_000
const TELEMETRY: readonly Lane[] = LANES.filter((lane) => lane !== 'feedback')

/** Everything that waits to go upstream. */
export interface Outbox extends Backlog {
  /** Never throws: what can't be kept is counted. Begins to be written within 250 ms, an error within 50 ms. */
  add(record: Telling): void
  /** Resolves once the record is stored; not durable where there is no disk. Rejects with QUOTA when the reserve is full. */
  addDurably(record: TelemetryRecord, blob?: Blob): Promise<{ durable: boolean }>
  /** Begins to write before it returns, and resolves when all is written. */
  flush(): Promise<void>
  /** `denied` deletes all telemetry; what a user said about the app stays, as the user's own act. */
  setConsent(consent: Consent): Promise<void>
  /** Deletes everything, feedback too, and notes which installation upstream is to forget. */
  purge(erasure: string | null): Promise<void>
  /** Tells of new records by lane. */
  watch(listener: (lane: Lane) => void): void
  /** Writes what is buffered and hands out this tab's newest records at once, small batches of mixed lanes. */
  lastBreath(): readonly Batch[]
  /** A batch of the last breath did not go: it is sent like any other. */
  release(batch: Batch): void
}

export function createOutbox(o: {
  platform: Platform
  database: GraySyncDatabase | null
  consent: Consent
  onError(error: GraySyncError): void
  signal: AbortSignal
}): Outbox {
  const { platform, signal } = o
  let consent = o.consent
  let isClosed = signal.aborted
  const listeners: ((lane: Lane) => void)[] = []
  const writing = new Set<Promise<unknown>>()
  // Chunks that a last breath carries: not sent a second time while it is out.
  const out = new Set<string>()

  const isKept = (lane: Lane) => lane === 'feedback' || consent !== 'denied'
  const mayLeave = (lane: Lane) => lane === 'feedback' || consent === 'granted'

  const tail = createTail()
  const shelf = createShelf({ ...o, isClosed: () => isClosed })
  const backlog = createBacklog({ platform, shelf, tail, mayLeave, isOut: (id) => out.has(id) })
  const buffer = createBuffer(platform, () => void flush())

  const save = async (
    lane: Lane,
    chunks: readonly Chunk[],
    strictly: boolean,
    file?: StoredFile,
  ) => {
    const write = shelf.save(chunks, {
      disk: mayLeave(lane),
      strictly,
      ...(file && { file }),
      isWanted: () => isKept(lane),
    })
    writing.add(write)
    tail.keep(chunks)
    const isDurable = await write.finally(() => writing.delete(write))
    for (const chunk of chunks) for (const tell of listeners) tell(chunk.lane)
    return isDurable
  }

  const flush = async () => {
    const lines = buffer.take().flatMap((record) => toFitting(record) ?? [])
    const chunks = toChunks(platform, lines)
    const [feedback, telemetry] = [chunks.filter(isFeedback), chunks.filter(isTelemetry)]
    if (telemetry.length > 0) void save('metric', telemetry, false)
    if (feedback.length > 0) void save('feedback', feedback, false)
    while (writing.size > 0) await Promise.all(writing)
  }

  const count = (lane: Lane, reason: DropReason) => {
    const drops = [{ lane, reason, count: 1 }]
    const note = { ids: [], drops }
    void (mayLeave(lane) ? shelf.reach((log) => log.replace(note)) : shelf.memory.replace(note))
  }

  const toFitting = (record: Telling): Line | null => {
    const line = toLine(platform, record)
    if (line && line.bytes <= RECORD_BYTES) return line
    count(record.lane, line ? 'tooLarge' : 'unreadable')
    return null
  }

  const move = () => shelf.settle(consent === 'granted' ? LANES : ['feedback'])

  const clear = async (lanes: readonly Lane[]) => {
    for (const record of buffer.take()) if (!lanes.includes(record.lane)) buffer.add(record)
    tail.forgetLanes(lanes)
    await shelf.reachAll((log) => log.clear(lanes))
  }

  const close = () => {
    void flush()
    isClosed = true
  }
  signal.addEventListener('abort', close, { once: true })
  if (consent === 'denied') void clear(TELEMETRY)

  return {
    ...backlog,
    add(record) {
      if (!isClosed && isKept(record.lane)) buffer.add(record)
    },
    async addDurably(record, blob) {
      const line = toLine(platform, record)
      if (isClosed) throw new GraySyncError('CLOSED', 'the handle is closed')
      if (!line) throw new GraySyncError('FEEDBACK', 'the entry is not plain data')
      // The id is the record's: the same entry takes the same place.
      const chunk = toChunk(platform, record.lane, [line], record.uid)
      const [sizes, files] = await shelf.reach((log) => Promise.all([log.sizes(), log.files()]))
      if (!hasReserve(sizes, files, chunk.bytes + (blob?.size ?? 0))) {
        throw new GraySyncError('QUOTA', 'the reserve for feedback is full')
      }
      const { uid, at: since } = record
      const file = blob && { id: uid, entry: uid, blob, since }
      const durable = await save(record.lane, [chunk], true, file)
      // Only shown: an entry that is kept is thanked for, whether this can be written or not.
      void shelf.reach((log) => log.mark([{ id: uid, at: since, state: 'waiting' }]))
      return { durable }
    },
    flush,
    async setConsent(next) {
      consent = next
      if (next === 'denied') await clear(TELEMETRY)
      if (next !== 'granted') return
      await flush()
      await move()
      for (const tell of listeners) tell('metric')
    },
    async purge(erasure) {
      // Before: a deletion that nobody upstream hears of could not be asked for again.
      if (erasure !== null)
        await shelf.reachAll((log) => log.owe((held) => [...new Set([...held, erasure])]))
      await clear(LANES)
      for (const tell of listeners) tell('feedback')
    },
    watch: (listener) => void listeners.push(listener),
    lastBreath() {
      void flush()
      const groups = tail.groups((chunk) => mayLeave(chunk.lane) && !out.has(chunk.id))
      return groups.map((chunks) => {
        for (const chunk of chunks) out.add(chunk.id)
        return {
          lane: chunks[0]?.lane ?? 'metric',
          ids: chunks.map((chunk) => chunk.id),
          records: chunks.flatMap((chunk) => readRecords(chunk) ?? []),
        }
      })
    },
    release({ ids }) {
      for (const id of ids) out.delete(id)
    },
  }
}

function isFeedback(chunk: Chunk): boolean {
  return chunk.lane === 'feedback'
}

function isTelemetry(chunk: Chunk): boolean {
  return !isFeedback(chunk)
}
