import { utf8Length } from '../lib/encode.js'
import { mintId } from '../lib/id.js'
import type { Platform } from '../model/platform.js'
import type { Lane, TelemetryRecord, Telling } from '../model/record.js'
import type { Chunk } from './database.js'

const MAX_RECORDS = 50
const MAX_BYTES = 32 * 1024
/** More than these are not waited with. */
const HELD_RECORDS = 1_000
const WAIT_MS = 250
const URGENT_WAIT_MS = 50

/** A record as it is written. */
export interface Line {
  lane: Lane
  at: number
  json: string
  bytes: number
}

/** `null` for what JSON can't say. */
export function toLine(platform: Platform, record: Telling): Line | null {
  try {
    const uid = record.uid ?? mintId(record.at, platform.randomBytes(16))
    const json = JSON.stringify({ ...record, uid })
    return { lane: record.lane, at: record.at, json, bytes: utf8Length(json) }
  } catch {
    return null
  }
}

export function toChunk(
  platform: Platform,
  lane: Lane,
  lines: readonly Line[],
  id: string = mintId(platform.now(), platform.randomBytes(16)),
): Chunk {
  return {
    id,
    v: 1,
    lane,
    count: lines.length,
    bytes: lines.reduce((sum, line) => sum + line.bytes + 1, 1),
    since: lines[0]?.at ?? platform.now(),
    json: `[${lines.map((line) => line.json).join()}]`,
  }
}

/** As few chunks as may be: of one lane each, and small enough to be sent by a closing page. */
export function toChunks(platform: Platform, lines: readonly Line[]): Chunk[] {
  const open = new Map<Lane, { lines: Line[]; bytes: number }>()
  const chunks: Chunk[] = []
  for (const line of lines) {
    const { lane } = line
    const held = open.get(lane) ?? { lines: [], bytes: 0 }
    held.lines.push(line)
    held.bytes += line.bytes
    open.set(lane, held)
    if (held.lines.length < MAX_RECORDS && held.bytes < MAX_BYTES) continue
    chunks.push(toChunk(platform, lane, held.lines))
    open.delete(lane)
  }
  for (const [lane, held] of open) chunks.push(toChunk(platform, lane, held.lines))
  return chunks
}

/** `null` where the chunk can't be read. */
export function readRecords(chunk: Chunk): TelemetryRecord[] | null {
  try {
    const records: unknown = JSON.parse(chunk.json)
    return Array.isArray(records) && records.every(isRecord) ? records : null
  } catch {
    return null
  }
}

function isRecord(value: unknown): value is TelemetryRecord {
  return typeof value === 'object' && value !== null && 'uid' in value && 'attributes' in value
}

export interface Buffer {
  add(record: Telling): void
  take(): Telling[]
}

/** Collects records until they are due. Whoever adds one pays for nothing else: they are written as text later. */
export function createBuffer(platform: Platform, onDue: () => void): Buffer {
  let records: Telling[] = []
  let waitingMs = Number.POSITIVE_INFINITY
  let dueAt = Number.POSITIVE_INFINITY
  let cancel = () => {}

  return {
    add(record) {
      records.push(record)
      const isUrgent = record.lane === 'error' || record.lane === 'feedback'
      const waitMs = records.length >= HELD_RECORDS ? 0 : isUrgent ? URGENT_WAIT_MS : WAIT_MS
      if (waitMs >= waitingMs) return
      const at = platform.monotonic() + waitMs
      if (at >= dueAt) return
      cancel()
      waitingMs = waitMs
      dueAt = at
      cancel = platform.setTimer(onDue, waitMs)
    },
    take() {
      const taken = records
      cancel()
      records = []
      waitingMs = Number.POSITIVE_INFINITY
      dueAt = Number.POSITIVE_INFINITY
      return taken
    },
  }
}
