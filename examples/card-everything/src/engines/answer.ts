import { isGraySyncError } from 'graysync'

/** What became of one operation that was sent. `refused`: it can never be applied. */
export type Outcome = 'applied' | 'duplicate' | 'conflict' | 'fenced' | 'refused' | 'retry'

const HEADER_OUTCOMES: readonly string[] = ['applied', 'duplicate', 'conflict', 'fenced']
const NEVER = [400, 404, 405, 413, 415, 422]

/** Reads the outcome of a response about a single operation. */
export function readOutcome(response: Response): Outcome {
  const told = response.headers.get('graysync-outcome')
  if (told !== null && HEADER_OUTCOMES.includes(told)) return told as Outcome
  if (response.ok) return 'applied'
  if (response.status === 409) return 'fenced'
  return NEVER.includes(response.status) ? 'refused' : 'retry'
}

/** What a rejected send means: somebody else writes now, or try again later. Nothing was decided about the operation. */
export function readRejection(cause: unknown): 'fenced' | 'retry' {
  return isGraySyncError(cause) && cause.code === 'FENCED' ? 'fenced' : 'retry'
}
