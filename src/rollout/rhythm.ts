import type { PageLife, Platform } from '../model/platform.js'
import { paceMs } from './pace.js'
import { createStream } from './stream.js'

const SPREAD_MS = 1_000

interface RhythmOptions {
  refreshMs: number
  streamUrl?: string | undefined
  signal: AbortSignal
  ask(): void
  /** Upstream says that it has this version. */
  onVersion(version: number): void
}

/** When to ask upstream: never while hidden, and never sooner than upstream allows. */
export interface Rhythm {
  /** Begins to follow the life of the page. */
  start(): void
  /** Upstream was reached, by this tab or another. */
  succeed(): void
  fail(): void
  /** Upstream wants to be left alone for so long. */
  quiet(ms: number): void
  mayAsk(): boolean
}

export function createRhythm(platform: Platform, o: RhythmOptions): Rhythm {
  const stream = o.streamUrl ? createStream(platform, { ...o, url: o.streamUrl }) : null
  let failures = 0
  let quietUntil = Number.NEGATIVE_INFINITY
  let following = false
  let asked = false
  let paused = true
  let cancel = () => {}

  function mayAsk(): boolean {
    return platform.monotonic() >= quietUntil
  }

  function plan(): void {
    cancel()
    if (paused || o.signal.aborted) return
    const quiet = quietUntil - platform.monotonic()
    const pace = paceMs({ refreshMs: o.refreshMs, failures, random: platform.random() })
    const ms = quiet > 0 ? Math.max(pace, quiet + SPREAD_MS * platform.random()) : pace
    cancel = platform.setTimer(o.ask, ms)
  }

  function pause(): void {
    paused = true
    cancel()
    stream?.close()
  }

  function begin(): void {
    paused = false
    stream?.open()
    if (asked || !mayAsk()) plan()
    else o.ask()
  }

  function resume(): void {
    if (!paused || o.signal.aborted) return
    asked = false
    begin()
  }

  function live(life: PageLife): void {
    if (life === 'hidden' || life === 'pagehide' || life === 'freeze') pause()
    else if (life === 'online' && !paused) o.ask()
    else if (platform.visible()) resume()
  }

  return {
    start() {
      if (following || o.signal.aborted) return
      following = true
      platform.onLife(live, o.signal)
      o.signal.addEventListener('abort', pause, { once: true })
      if (platform.visible()) begin()
    },
    succeed() {
      asked = true
      failures = 0
      plan()
    },
    fail() {
      asked = true
      failures += 1
      plan()
    },
    quiet(ms) {
      quietUntil = Math.max(quietUntil, platform.monotonic() + ms)
      plan()
    },
    mayAsk,
  }
}
