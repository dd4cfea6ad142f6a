import type { Held, Platform } from '../model/platform.js'

const LOCK = 'graysync-refresh'
// Longer than a request may last: a tab that froze while it asked does not silence the others.
const WAIT_MS = 15_000
const JITTER_MS = 1_000

/** The right to ask upstream: one tab at a time. */
export interface Turn {
  /** `false`: another tab has asked meanwhile, so that this one has nothing to ask. */
  mine: boolean
  release(): void
}

/** Takes the turn, or waits until the tab that has it is done. Rejects only when the signal aborts. */
export async function takeTurn(platform: Platform, signal: AbortSignal): Promise<Turn> {
  signal.throwIfAborted()
  if (!platform.lock) {
    await waitFor(platform, platform.random() * JITTER_MS, signal)
    return alone
  }
  const free = await seize(platform.lock, { signal, ifAvailable: true })
  if (signal.aborted) free?.release()
  signal.throwIfAborted()
  return free ? { mine: true, release: () => free.release() } : waitTurn(platform, signal)
}

const alone: Turn = { mine: true, release: () => {} }

async function waitTurn(platform: Platform, signal: AbortSignal): Promise<Turn> {
  const wait = new AbortController()
  const stop = () => wait.abort()
  const cancel = platform.setTimer(stop, WAIT_MS)
  signal.addEventListener('abort', stop, { once: true })
  const other = await platform.lock?.(LOCK, { signal: wait.signal }).catch(() => null)
  cancel()
  signal.removeEventListener('abort', stop)
  other?.release()
  signal.throwIfAborted()
  return other ? { mine: false, release: () => {} } : alone
}

/** Opaque origins have the API and refuse its use: there a tab has no others to mind. */
function seize(
  lock: NonNullable<Platform['lock']>,
  o: { signal: AbortSignal; ifAvailable: boolean },
): Promise<Held | null> {
  return lock(LOCK, o).catch(() => ({ release: () => {}, lost: new Promise<void>(() => {}) }))
}

function waitFor(platform: Platform, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      cancel()
      reject(signal.reason)
    }
    const cancel = platform.setTimer(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
