import type { Platform } from '../model/platform.js'
import type { Telling } from '../model/record.js'
import { countLatency, NO_LATENCIES, toLatencyAttributes } from './latency.js'
import { makeRecord } from './record.js'

/** What a stretch of syncing came to: one record instead of one an operation, so that a backlog stays small. */
export interface SyncWindow {
  acked(durationMs: number): void
  failed(): void
  /** Ends the window and begins the next; `null` where nothing happened. */
  end(queue: { pending: number; oldestAt?: number }): Telling | null
}

interface Sums {
  startedAt: number
  acked: number
  failed: number
  latencies: readonly number[]
}

export function createSyncWindow(platform: Pick<Platform, 'now'>): SyncWindow {
  const begin = (): Sums => ({
    startedAt: platform.now(),
    acked: 0,
    failed: 0,
    latencies: NO_LATENCIES,
  })
  let sums = begin()

  return {
    acked(durationMs) {
      sums = { ...sums, acked: sums.acked + 1, latencies: countLatency(sums.latencies, durationMs) }
    },
    failed() {
      sums = { ...sums, failed: sums.failed + 1 }
    },
    end({ pending, oldestAt }) {
      const { startedAt, acked, failed, latencies } = sums
      const now = platform.now()
      sums = begin()
      if (acked + failed + pending === 0) return null
      return makeRecord(platform, 'metric', 'graysync.sync.window', {
        'graysync.window.ms': Math.max(0, now - startedAt),
        'graysync.acked': acked,
        'graysync.failed': failed,
        'graysync.pending': pending,
        ...(oldestAt !== undefined && { 'graysync.oldest.ms': Math.max(0, now - oldestAt) }),
        ...toLatencyAttributes(latencies),
      })
    },
  }
}
