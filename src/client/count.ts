import { countOpen } from '../engine/oplog.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection } from '../store/control.js'
import type { Presence } from './state.js'

const COUNT_EVERY_MS = 100

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
  return () => {
    if (!control || counting) return
    counting = true
    platform.setTimer(() => {
      counting = false
      if (signal.aborted) return
      countOpen(control).then((pending) => state.amend({ pending }), report)
    }, COUNT_EVERY_MS)
  }
}
