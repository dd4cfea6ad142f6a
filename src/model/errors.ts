/** Every way graysync can fail, a closed union: each code has a cause and a fix in the docs. */
export const ERROR_CODES = [
  'OPTION',
  'CLOSED',
  'UNSUPPORTED',
  'STORE',
  'QUOTA',
  'STORE_BLOCKED',
  'ENGINE_LOAD',
  'ENGINE_START',
  'ENGINE_TIMEOUT',
  'NO_QUEUE',
  'QUEUE_NOT_EMPTY',
  'OLD_TAB',
  'FENCED',
  'SUSPENDED',
  'HALTED',
  'NEWER_STATE',
  'ROLLOUT_SIGNATURE',
  'ROLLOUT_SCHEMA',
  'ROLLOUT_REPLAY',
  'ROLLOUT_SIZE',
  'NETWORK',
  'HANDOVER_VERIFY',
  'BACKUP',
  'AUDIT',
  'FEEDBACK',
  'ABORTED',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

const BRAND = 'GraySyncError'

/** The one error class: `code` from a closed union, `cause` where there was one. */
export class GraySyncError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = BRAND
    this.code = code
  }
}

/** Tells a `GraySyncError` apart, also across two copies of the package. */
export function isGraySyncError(value: unknown): value is GraySyncError {
  return (
    value instanceof Error &&
    value.name === BRAND &&
    (ERROR_CODES as readonly unknown[]).includes((value as { code?: unknown }).code)
  )
}
