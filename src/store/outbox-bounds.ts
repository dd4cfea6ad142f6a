import type { FeedbackEntry } from '../model/record.js'
import type { StoredFile } from './database.js'
import { type ChunkSize, type Drop, type DropReason, LANES } from './outbox-log.js'

const MB = 1024 * 1024
const DAY_MS = 24 * 60 * 60 * 1_000

const TELEMETRY_BYTES = 5 * MB
const HEADROOM_SHARE = 0.05
const TELEMETRY_AGE_MS = 14 * DAY_MS
const FEEDBACK_AGE_MS = 30 * DAY_MS
const FEEDBACK_BYTES = 20 * MB
export const MEMORY_BYTES: number = MB

export interface Eviction {
  ids: readonly string[]
  drops: readonly Drop[]
  entries: readonly FeedbackEntry[]
}

/** How much telemetry may lie on this disk: the host's own data comes first. */
export function toRoom(estimate: { usage?: number; quota?: number }): number {
  const { usage = 0, quota } = estimate
  if (quota === undefined) return TELEMETRY_BYTES
  return Math.min(TELEMETRY_BYTES, Math.max(0, quota - usage) * HEADROOM_SHARE)
}

/** Names what is too old, then the oldest of the lowest lane until the rest fits. Feedback only ages. */
export function planEviction(
  sizes: readonly ChunkSize[],
  o: { now: number; room: number; reason: DropReason },
): Eviction {
  const dropped = new Map<ChunkSize, DropReason>()
  for (const size of sizes) {
    const limit = size.lane === 'feedback' ? FEEDBACK_AGE_MS : TELEMETRY_AGE_MS
    if (o.now - size.since > limit) dropped.set(size, 'age')
  }
  const rest = sizes.filter((size) => size.lane !== 'feedback' && !dropped.has(size))
  let bytes = sumBytes(rest)
  for (const size of rest.sort(lowestFirst)) {
    if (bytes <= o.room) break
    bytes -= size.bytes
    dropped.set(size, o.reason)
  }
  return {
    ids: [...dropped.keys()].map((size) => size.id),
    drops: [...dropped].map(([{ lane, count }, reason]) => ({ lane, reason, count })),
    entries: toUnsent([...dropped.keys()]),
  }
}

/** What the user said and what is given up here; its chunk bears the id of the entry. */
export function toUnsent(chunks: readonly Omit<ChunkSize, 'bytes' | 'count'>[]): FeedbackEntry[] {
  return chunks
    .filter(({ lane }) => lane === 'feedback')
    .map(({ id, since }) => ({ id, at: since, state: 'unsent' }))
}

/** Makes room for the host as soon as the disk is full: a quarter of the telemetry goes. */
export function planShrinking(sizes: readonly ChunkSize[], now: number): Eviction {
  const telemetry = sizes.filter((size) => size.lane !== 'feedback')
  return planEviction(sizes, { now, room: sumBytes(telemetry) * 0.75, reason: 'quota' })
}

/** Whether the reserve of feedback takes so much more. */
export function hasReserve(
  sizes: readonly ChunkSize[],
  files: readonly StoredFile[],
  more: number,
): boolean {
  const held = sumBytes(sizes.filter((size) => size.lane === 'feedback'))
  const blobs = files.reduce((sum, file) => sum + file.blob.size, 0)
  return held + blobs + more <= FEEDBACK_BYTES
}

export function isAged(file: StoredFile, now: number): boolean {
  return now - file.since > FEEDBACK_AGE_MS
}

function sumBytes(sizes: readonly { bytes: number }[]): number {
  return sizes.reduce((sum, size) => sum + size.bytes, 0)
}

function lowestFirst(a: ChunkSize, b: ChunkSize): number {
  return LANES.indexOf(b.lane) - LANES.indexOf(a.lane) || a.since - b.since
}
