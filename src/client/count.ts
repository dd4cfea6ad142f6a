import { countOpen } from '../engine/oplog.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection } from '../store/control.js'
import type { Presence } from './state.js'

const COUNT_EVERY_MS = 100
/** So many times as long as counting took it pauses. */
const COUNT_SHARE = 20

export interface CountOptions {
  platform: Platform
  control: ControlConnection | null
  state: Presence
  signal: AbortSignal
  report(cause: unknown): void
}

/** Shows how many operations are open, soon after it is asked to and at most so often. */
export function createCount({
  platform,
  control,
  state,
  signal,
  report,
}: CountOptions): () => void {
  let counting = false
  let isStale = false
  let pauseMs = COUNT_EVERY_MS
  const count = async (log: ControlConnection) => {
    isStale = false
    const began = platform.monotonic()
    await countOpen(log).then((pending) => state.amend({ pending }), report)
    // Counting thousands takes long, and whoever sends them waits for it.
    pauseMs = Math.max(COUNT_EVERY_MS, COUNT_SHARE * (platform.monotonic() - began))
    counting = false
    if (isStale) recount()
  }
  const recount = () => {
    isStale = true
    if (!control || counting) return
    counting = true
    platform.setTimer(() => {
      if (!signal.aborted) void count(control)
    }, pauseMs)
  }
  return recount
}
