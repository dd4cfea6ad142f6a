import { type GraySyncError, isGraySyncError } from '../model/errors.js'
import type { Answer } from './transport.js'

/** What is seen of the refactored engine while it runs. */
export type Observation =
  /** It did not start. */
  | { kind: 'start'; error: GraySyncError }
  /** It was handed an operation: `error` where it did not take it. */
  | { kind: 'pushed'; opId: string; error: GraySyncError | null }
  | { kind: 'acked'; opId: string }
  | { kind: 'failed'; opId: string; cause: unknown }
  | { kind: 'answered'; answer: Answer }
  | { kind: 'stopped' }
  /** Its user signed out: what waits in it for them is no silence. */
  | { kind: 'left' }

/** Signed out, in conflict, too early or too often: what a server says to an engine in good order. */
const NEUTRAL = new Set([401, 403, 408, 409, 412, 425, 429])
const NOT_ITS_FAULT = new Set(['FENCED', 'SUSPENDED', 'CLOSED', 'NETWORK', 'QUOTA', 'STORE'])
const NAMES = new Set(['AbortError', 'QuotaExceededError', 'NetworkError'])
/** How browsers word a `fetch` that reached nobody: the only sign there is. */
const UNREACHED = /fetch|network|load failed/i

export const isNeutral = (status: number): boolean => NEUTRAL.has(status)

/** Whether an answer speaks against the engine, should the server be in order. */
export function blamesAnswer({ isWrite, status, outcome }: Answer): boolean {
  if (outcome === 'conflict') return true
  if (outcome !== null || NEUTRAL.has(status)) return false
  return status >= 500 || (status >= 400 && isWrite)
}

/** Whether what an engine threw, or said of an operation, speaks against the engine. */
export function blames(cause: unknown): boolean {
  if (typeof cause !== 'object' || cause === null) return true
  if (isGraySyncError(cause)) {
    return !NOT_ITS_FAULT.has(cause.code) && (cause.cause === undefined || blames(cause.cause))
  }
  const { name, status, message } = cause as { name?: unknown; status?: unknown; message?: unknown }
  if (typeof status === 'number' && NEUTRAL.has(status)) return false
  if (NAMES.has(String(name))) return false
  return !(cause instanceof TypeError && UNREACHED.test(String(message)))
}

/** The same fault is the same text, whichever operation it met. */
export function toFingerprint(cause: unknown): string {
  if (isGraySyncError(cause) && cause.cause !== undefined) return toFingerprint(cause.cause)
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
  return text.replace(/[\da-f-]{8,}|\d+/gi, '0').slice(0, 200)
}

export function toAnswerFingerprint({ method, url, status }: Answer): string {
  return `${method} ${status} ${toFingerprint(new URL(url).pathname)}`
}
