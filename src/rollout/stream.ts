import type { Held, Platform } from '../model/platform.js'
import { paceMs } from './pace.js'

const LOCK = 'graysync-stream'
const LONGEST_MS = 60_000

export interface Stream {
  /** Follows the server's events as soon as no other tab does. */
  open(): void
  /** Leaves the connection to another tab. */
  close(): void
}

interface StreamOptions {
  url: string
  /** Upstream has this version: a hint, it is not signed. */
  onVersion(version: number): void
}

/** The one connection of server-sent events of all tabs. */
export function createStream(platform: Platform, o: StreamOptions): Stream {
  let visit: AbortController | null = null
  return {
    open() {
      if (visit) return
      visit = new AbortController()
      void follow(platform, o, visit.signal)
    },
    close() {
      visit?.abort()
      visit = null
    },
  }
}

async function follow(platform: Platform, o: StreamOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const held = await hold(platform, signal)
    const disconnect = signal.aborted ? () => {} : connect(platform, o)
    await Promise.race([held.lost, aborted(signal)])
    disconnect()
    held.release()
  }
}

/** Without Web Locks, or where they are refused, every visible tab follows by itself. */
async function hold(platform: Platform, signal: AbortSignal): Promise<Held> {
  const alone: Held = { release: () => {}, lost: new Promise(() => {}) }
  return (await platform.lock?.(LOCK, { signal }).catch(() => null)) ?? alone
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** An EventSource gives up for good at some failures, so that a failed one is replaced here. */
function connect(platform: Platform, o: StreamOptions): () => void {
  let failures = 0
  let stop = () => {}
  const open = () => {
    let live = true
    const close = platform.stream?.(o.url, {
      onMessage(data) {
        failures = 0
        const version = readVersion(data)
        if (version !== null) o.onVersion(version)
      },
      onError() {
        if (!live) return
        live = false
        close?.()
        failures += 1
        const ms = paceMs({ refreshMs: LONGEST_MS, failures, random: platform.random() })
        stop = platform.setTimer(open, ms)
      },
    })
    stop = () => {
      live = false
      close?.()
    }
  }
  open()
  return () => stop()
}

function readVersion(data: string): number | null {
  try {
    const { version } = JSON.parse(data)
    return Number.isSafeInteger(version) ? version : null
  } catch {
    return null
  }
}
