import type { Platform } from '../model/platform.js'

// A `Date` header counts whole seconds and is as old as its way here.
const NOISE_MS = 2_000

/** The device's clock, corrected by the server's once one was seen. */
export interface Clock {
  now(): number
  /** The same, where the server's clock was heard. */
  confirmed(): number | null
  /** `sentAt` is the monotonic instant of the request. The answer takes the correction back. */
  correct(serverAt: number | null, sentAt: number): () => void
}

export function createClock(platform: Platform): Clock {
  let anchor: { at: number; monotonic: number } | null = null
  const confirmed = () => anchor && anchor.at + (platform.monotonic() - anchor.monotonic)
  return {
    confirmed,
    // From an anchor on only the monotonic clock counts: setting the device's clock changes nothing.
    now: () => confirmed() ?? platform.now(),
    correct(serverAt, sentAt) {
      const before = anchor
      const undo = () => {
        anchor = before
      }
      if (serverAt === null) return undo
      const monotonic = platform.monotonic()
      const at = serverAt + (monotonic - sentAt) / 2
      const off = Math.abs(at - platform.now())
      anchor = { at: off > NOISE_MS ? at : platform.now(), monotonic }
      return undo
    },
  }
}
