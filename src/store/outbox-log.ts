import type { FeedbackEntry, Lane, TelemetryRecord } from '../model/record.js'
import type { Chunk, OutboxNote, Schedule, StoredFile } from './database.js'

/** From what goes first to what is given up first. */
export const LANES = ['feedback', 'error', 'exposure', 'metric'] as const

export type DropReason =
  | 'age'
  | 'room'
  | 'quota'
  | 'poison'
  | 'tooLarge'
  | 'rejected'
  | 'unreadable'

/** Records given up, and why. */
export interface Drop {
  lane: Lane
  reason: DropReason
  count: number
}

export interface ChunkSize {
  id: string
  lane: Lane
  since: number
  bytes: number
  count: number
}

/** What one step takes out of a log and puts in its place. */
export interface Replacement {
  ids: readonly string[]
  /** Written only where one of `ids` was still there: what was purged stays purged. */
  by?: readonly Chunk[]
  drops?: readonly Drop[]
  dead?: readonly TelemetryRecord[]
  /** What became of entries with it. */
  entries?: readonly FeedbackEntry[]
}

/** Where chunks lie until upstream has them: on disk or in memory. Each method is one atomic step. */
export interface ChunkLog {
  /** Begins to write before it returns: a page that hides has no later moment. */
  put(chunks: readonly Chunk[], o: { strictly: boolean; file?: StoredFile }): Promise<void>
  /** The oldest few chunks of a lane, oldest first. */
  oldest(lane: Lane): Promise<readonly Chunk[]>
  sizes(): Promise<readonly ChunkSize[]>
  replace(change: Replacement): Promise<void>
  /** Turns what was counted as dropped into a chunk, where there is something to tell. */
  tell(make: (drops: readonly Drop[]) => Chunk): Promise<void>
  files(): Promise<readonly StoredFile[]>
  removeFile(id: string, drops: readonly Drop[]): Promise<void>
  note<Key extends OutboxNote['key']>(
    key: Key,
  ): Promise<Extract<OutboxNote, { key: Key }> | undefined>
  setNote(note: OutboxNote): Promise<void>
  /** Says in one step what became of entries. */
  mark(entries: readonly FeedbackEntry[]): Promise<void>
  /** Changes in one step which installations upstream is to forget. */
  owe(change: (installations: readonly string[]) => readonly string[]): Promise<void>
  /** Empties these lanes; with feedback among them also the files. */
  clear(lanes: readonly Lane[]): Promise<void>
}

/** Nothing waits. */
export const FREE: Schedule = {
  key: 'schedule',
  notBefore: 0,
  told: false,
  failures: 0,
  parked: {},
}

export const READ_AT_ONCE = 16
const DEAD_LETTERS = 20
const ENTRIES = 20

export type Counts = Readonly<Record<string, number>>

export function addDrops(counts: Counts, drops: readonly Drop[]): Counts {
  const sum = { ...counts }
  for (const { lane, reason, count } of drops) {
    const key = `${lane}:${reason}`
    sum[key] = (sum[key] ?? 0) + count
  }
  return sum
}

export function listDrops(counts: Counts): Drop[] {
  return Object.entries(counts).map(([key, count]) => {
    const [lane, reason] = key.split(':') as [Lane, DropReason]
    return { lane, reason, count }
  })
}

export function addDead(
  records: readonly TelemetryRecord[],
  dead: readonly TelemetryRecord[],
): TelemetryRecord[] {
  return [...records, ...dead].slice(-DEAD_LETTERS)
}

/** The newest few; what is known of an entry takes the place of what was, and the end of one is never taken back. */
export function addEntries(
  known: readonly FeedbackEntry[],
  entries: readonly FeedbackEntry[],
): FeedbackEntry[] {
  const byId = new Map(known.map((entry) => [entry.id, entry]))
  for (const entry of entries) {
    const before = byId.get(entry.id)
    if (entry.state !== 'waiting' || !before)
      byId.set(entry.id, { ...entry, ...before, state: entry.state })
  }
  return [...byId.values()].sort((a, b) => a.at - b.at).slice(-ENTRIES)
}
