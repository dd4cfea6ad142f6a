import type { Platform } from '../model/platform.js'

/** Timers that end together. */
export interface Timers {
  /** Runs once after `ms`, unless it is cancelled by the answer. */
  after(ms: number, run: () => void): () => void
  /** Cancels all, and sets none from now on. */
  end(): void
}

export function createTimers(platform: Platform): Timers {
  const cancels = new Set<() => void>()
  let ended = false
  return {
    after(ms, run) {
      if (ended) return () => {}
      const cancel = platform.setTimer(() => {
        cancels.delete(cancel)
        run()
      }, ms)
      cancels.add(cancel)
      return () => {
        cancels.delete(cancel)
        cancel()
      }
    },
    end() {
      ended = true
      for (const cancel of cancels) cancel()
      cancels.clear()
    },
  }
}
