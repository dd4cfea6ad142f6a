import { utf8 } from '../lib/encode.js'
import { mintId } from '../lib/id.js'
import type { Platform } from '../model/platform.js'
import type { Lane, TelemetryRecord } from '../model/record.js'
import type { Chunk } from './database.js'

const MAX_RECORDS = 50
const MAX_BYTES = 32 * 1024
const WAIT_MS = 250
const URGENT_WAIT_MS = 50

/** A record as it will be written: later changes by its maker no longer reach it. */
export interface Line {
  lane: Lane
  at: number
  json: string
  bytes: number
}

/** `null` for what JSON can't say. */
export function toLine(record: TelemetryRecord): Line | null {
  try {
    const json = JSON.stringify(record)
    return { lane: record.lane, at: record.at, json, bytes: utf8(json).length }
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

/** One chunk a lane. */
export function toChunks(platform: Platform, lines: readonly Line[]): Chunk[] {
  const lanes = [...new Set(lines.map((line) => line.lane))]
  return lanes.map((lane) =>
    toChunk(
      platform,
      lane,
      lines.filter((line) => line.lane === lane),
    ),
  )
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
  add(line: Line): void
  take(): Line[]
}

/** Collects lines until a chunk is worth writing, and says so by `onFull`. */
export function createBuffer(platform: Platform, onFull: () => void): Buffer {
  let lines: Line[] = []
  let bytes = 0
  let dueAt = Number.POSITIVE_INFINITY
  let cancel = () => {}

  return {
    add(line) {
      lines.push(line)
      bytes += line.bytes
      if (lines.length >= MAX_RECORDS || bytes >= MAX_BYTES) return onFull()
      const waitMs = line.lane === 'error' || line.lane === 'feedback' ? URGENT_WAIT_MS : WAIT_MS
      const at = platform.monotonic() + waitMs
      if (at >= dueAt) return
      cancel()
      dueAt = at
      cancel = platform.setTimer(onFull, waitMs)
    },
    take() {
      const taken = lines
      cancel()
      lines = []
      bytes = 0
      dueAt = Number.POSITIVE_INFINITY
      return taken
    },
  }
}
