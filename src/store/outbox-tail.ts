import type { Lane } from '../model/record.js'
import type { Chunk } from './database.js'
import { LANES } from './outbox-log.js'

/** Browsers let a closing page send 64 KB in all; a sink's envelope takes its part. */
const TAIL_BYTES = 40_000
const GROUP_BYTES = 16_000

/** The newest chunks of this tab that are not known to be upstream: what a closing page can still send. */
export interface Tail {
  keep(chunks: readonly Chunk[]): void
  forget(ids: readonly string[]): void
  forgetLanes(lanes: readonly Lane[]): void
  ids(lane: Lane): string[]
  /** The most urgent lane first, in groups small enough that one too many doesn't take the others along. */
  groups(isWanted: (chunk: Chunk) => boolean): Chunk[][]
}

export function createTail(): Tail {
  const chunks = new Map<string, Chunk>()

  return {
    keep(added) {
      for (const chunk of added) chunks.set(chunk.id, chunk)
      let bytes = 0
      for (const chunk of [...chunks.values()].reverse()) {
        bytes += chunk.bytes
        if (bytes > TAIL_BYTES) chunks.delete(chunk.id)
      }
    },
    forget(ids) {
      for (const id of ids) chunks.delete(id)
    },
    forgetLanes(lanes) {
      for (const [id, chunk] of chunks) if (lanes.includes(chunk.lane)) chunks.delete(id)
    },
    ids: (lane) =>
      [...chunks.values()].filter((chunk) => chunk.lane === lane).map((chunk) => chunk.id),
    groups(isWanted) {
      const wanted = [...chunks.values()]
        .filter(isWanted)
        .sort((a, b) => LANES.indexOf(a.lane) - LANES.indexOf(b.lane))
      const groups: Chunk[][] = []
      let room = 0
      for (const chunk of wanted) {
        if (chunk.bytes > room) {
          groups.push([])
          room = GROUP_BYTES
        }
        groups.at(-1)?.push(chunk)
        room -= chunk.bytes
      }
      return groups
    },
  }
}
