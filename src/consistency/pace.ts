import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { Read } from './pairs.js'

const SLICE_MS = 5
/** Rows between two looks at the clock. */
const STRIDE = 16
/** Waits before a read that failed is tried again. */
const RETRIES_MS = [100, 500]

/** Works in slices, so that the page never waits longer than one of them. */
export interface Slices {
  /** Whether it is time to pause; asked once a row. */
  isSpent(): boolean
  pause(): Promise<void>
}

export function createSlices(platform: Platform): Slices {
  let rows = 0
  let began = platform.monotonic()
  return {
    isSpent: () => ++rows % STRIDE === 0 && platform.monotonic() - began >= SLICE_MS,
    async pause() {
      await platform.pause()
      began = platform.monotonic()
    },
  }
}

/** Resolves after `ms`, or at once when the signal aborts. */
export function rest(platform: Platform, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (ms <= 0 || signal.aborted) return resolve()
    const done = () => {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = platform.setTimer(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** Reads with some patience for a source that fails once, and with none after an abort, even where a read hangs. */
export function createRead(platform: Platform, signal: AbortSignal): Read {
  const attempt = async <T>(work: () => Promise<T>, retries: readonly number[]): Promise<T> => {
    try {
      return await orAbort(work(), signal)
    } catch (cause) {
      const [ms, ...later] = retries
      if (ms === undefined || signal.aborted) throw cause
      await rest(platform, ms, signal)
      return attempt(work, later)
    }
  }
  return async (source, table, work) => {
    try {
      return await attempt(work, RETRIES_MS)
    } catch (cause) {
      throw toReadError(cause, `source "${source.name}" can't read table "${table}"`)
    }
  }
}

function toReadError(cause: unknown, message: string): GraySyncError {
  if (cause instanceof GraySyncError && cause.code === 'ABORTED') return cause
  const why = cause instanceof Error ? cause.message : String(cause)
  return new GraySyncError('AUDIT', `${message}: ${why}`, { cause })
}

function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = () => reject(new GraySyncError('ABORTED', 'the audit was given up'))
    if (signal.aborted) give()
    signal.addEventListener('abort', give)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', give))
  })
}
