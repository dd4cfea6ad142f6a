import type { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { Lane } from '../model/record.js'
import { readRoom } from '../platform/room.js'
import type { Chunk, GraySyncDatabase, StoredFile } from './database.js'
import { toStoreError } from './open.js'
import {
  type Eviction,
  isAged,
  MEMORY_BYTES,
  planEviction,
  planShrinking,
  toRoom,
} from './outbox-bounds.js'
import { diskLog } from './outbox-disk.js'
import { type ChunkLog, type Drop, LANES, type Replacement } from './outbox-log.js'
import { memoryLog } from './outbox-memory.js'

const BOUND_EVERY_BYTES = 256 * 1024
/** After a full disk Firefox fails once more, by another name, and then works. */
const ATTEMPTS = 3

/** Disk and memory as one place: what the disk doesn't take stays in memory, and both stay bounded. */
export interface Shelf {
  readonly memory: ChunkLog
  hasDisk(): boolean
  /** The disk first, then memory. */
  logs(): ChunkLog[]
  /** Answers whether the chunks are on disk. `isWanted` is asked again before a second attempt. */
  save(
    chunks: readonly Chunk[],
    o: { disk: boolean; strictly: boolean; file?: StoredFile; isWanted(): boolean },
  ): Promise<boolean>
  /** Runs `work` on the disk, or on memory where there is no disk or it fails. */
  reach<T>(work: (log: ChunkLog) => Promise<T>): Promise<T>
  /** Changes the disk. A full one takes no note and still lets go: then memory keeps what is counted and dead. */
  replace(change: Replacement): Promise<void>
  /** Runs `work` on both. */
  reachAll(work: (log: ChunkLog) => Promise<void>): Promise<void>
  /** Moves these lanes from memory to the disk. */
  settle(lanes: readonly Lane[]): Promise<void>
}

export function createShelf(o: {
  platform: Platform
  database: GraySyncDatabase | null
  onError(error: GraySyncError): void
  isClosed(): boolean
}): Shelf {
  const { platform } = o
  const memory = memoryLog()
  let disk = o.database && diskLog(o.database)
  let unbounded = Number.POSITIVE_INFINITY
  let isFull = false
  let bounding: Promise<unknown> = Promise.resolve()

  const lose = (log: ChunkLog, error: GraySyncError) => {
    if (disk !== log) return
    disk = null
    if (!o.isClosed()) o.onError(error)
  }

  const replace = async (log: ChunkLog, change: Replacement) => {
    try {
      await log.replace(change)
    } catch (cause) {
      if (change.by?.length) throw cause
      const { ids, ...notes } = change
      await log.replace({ ids })
      await memory.replace({ ids: [], ...notes })
    }
  }

  const evict = async (log: ChunkLog, eviction: Eviction) => {
    if (eviction.ids.length > 0) await replace(log, eviction)
  }

  const shrink = async (log: ChunkLog) => {
    const sizes = await log.sizes().catch(() => [])
    await evict(log, planShrinking(sizes, platform.now())).catch(() => undefined)
  }

  const recover = async (log: ChunkLog, error: GraySyncError, errors: readonly GraySyncError[]) => {
    const isLast = errors.length === ATTEMPTS
    const full = errors.find(({ code }) => code === 'QUOTA')
    if (full === error && !isLast) return shrink(log)
    if (!isLast) return
    if (!full) return lose(log, error)
    if (!isFull) o.onError(full)
    isFull = true
  }

  const attempt = async <T>(work: (log: ChunkLog) => Promise<T>, isWanted = () => true) => {
    const errors: GraySyncError[] = []
    while (disk && errors.length < ATTEMPTS && isWanted()) {
      const log = disk
      try {
        return { answer: await work(log) }
      } catch (cause) {
        const error = toStoreError(cause, 'the outbox')
        errors.push(error)
        await recover(log, error, errors)
      }
    }
    return null
  }

  const reach = async <T>(work: (log: ChunkLog) => Promise<T>) => {
    const done = await attempt(work)
    return done ? done.answer : work(memory)
  }

  const boundDisk = async (log: ChunkLog) => {
    const now = platform.now()
    const room = toRoom(await readRoom(platform))
    await evict(log, planEviction(await log.sizes(), { now, room, reason: 'room' }))
    for (const file of await log.files()) {
      const drops: Drop[] = [{ lane: 'feedback', reason: 'age', count: 1 }]
      if (isAged(file, now)) await log.removeFile(file.id, drops)
    }
  }

  const boundMemory = async () => {
    const bound = { now: platform.now(), room: MEMORY_BYTES, reason: 'room' } as const
    await evict(memory, planEviction(await memory.sizes(), bound))
  }

  const bound = (bytes: number) => {
    unbounded += bytes
    if (unbounded < BOUND_EVERY_BYTES) return
    unbounded = 0
    // One after the other: two at once would count twice what both give up.
    bounding = bounding.then(() => attempt(boundDisk))
  }

  return {
    memory,
    hasDisk: () => disk !== null,
    logs: () => (disk ? [disk, memory] : [memory]),
    async save(chunks, { disk: onDisk, strictly, file, isWanted }) {
      const how = { strictly, ...(file && { file }) }
      if (onDisk && (await attempt((log) => log.put(chunks, how), isWanted))) {
        isFull = false
        bound(chunks.reduce((sum, chunk) => sum + chunk.bytes, 0))
        if (!strictly) await bounding
        return true
      }
      if (isWanted()) {
        await memory.put(chunks, how)
        await boundMemory()
      }
      return false
    },
    reach,
    replace: (change) => reach((log) => replace(log, change)),
    async reachAll(work) {
      await attempt(work)
      await work(memory)
    },
    async settle(lanes) {
      for (const lane of LANES.filter((each) => lanes.includes(each))) {
        for (let chunks = await memory.oldest(lane); chunks.length > 0; ) {
          const held = chunks
          if (!(await attempt((log) => log.put(held, { strictly: lane === 'feedback' })))) return
          await memory.replace({ ids: held.map((chunk) => chunk.id) })
          chunks = await memory.oldest(lane)
        }
      }
      for (const file of await memory.files()) {
        if (!(await attempt((log) => log.put([], { strictly: true, file })))) return
        await memory.removeFile(file.id, [])
      }
    },
  }
}
