/** The share of failures that is taken for healthy, and those that are looked for. */
const HEALTHY = 0.02
const FAILING = [0.04, 0.08, 0.16, 0.32, 0.64]
/** A healthy engine reaches it less than once in 10,000 operations. */
const LIMIT = Math.log(10_000) + Math.log(FAILING.length)
/** With the last one the version had its chances: no rollout brings it back to this device. */
const MOST_TRIPS = 3

const BY_FAILURE = FAILING.map((p) => Math.log(p / HEALTHY))
const BY_SUCCESS = FAILING.map((p) => Math.log((1 - p) / (1 - HEALTHY)))

/** Why an engine was given up on this device. */
export type TripCause = 'failures' | 'silence' | 'start' | 'integrity' | 'boots'

interface Trip {
  trips: number
  by: TripCause
  /** Epoch ms. */
  at: number
}

/** What is known of one version of the refactored engine on this device. */
export type Breaker =
  /** `scores`: the evidence for each failing share, as a logarithm. */
  | { state: 'closed'; trips: number; scores: readonly number[] }
  /** `epoch`: the `resetEpoch` that was in force: a higher one lifts it. */
  | (Trip & { state: 'tripped'; epoch: number })
  /** Only another version helps. */
  | (Trip & { state: 'spent' })

export type BreakerEvent =
  | { kind: 'ok' }
  | { kind: 'failure'; at: number; epoch: number }
  | { kind: 'trip'; by: TripCause; at: number; epoch: number }
  | { kind: 'rollout'; epoch: number }

export const CLOSED: Breaker = { state: 'closed', trips: 0, scores: FAILING.map(() => 0) }

/** The same object where nothing changed. */
export function stepBreaker(breaker: Breaker, event: BreakerEvent): Breaker {
  if (breaker.state === 'closed') return stepClosed(breaker, event)
  const isLifted =
    breaker.state === 'tripped' && event.kind === 'rollout' && event.epoch > breaker.epoch
  return isLifted ? { ...CLOSED, trips: breaker.trips } : breaker
}

/** An e-CUSUM: each score begins anew at nothing, so that a long healthy past hides no fault of today. */
function stepClosed(breaker: Extract<Breaker, { state: 'closed' }>, event: BreakerEvent): Breaker {
  if (event.kind === 'rollout') return breaker
  if (event.kind === 'trip') return trip(breaker, event)
  const by = event.kind === 'failure' ? BY_FAILURE : BY_SUCCESS
  const scores = breaker.scores.map((score, k) => Math.max(0, score) + (by[k] ?? 0))
  if (event.kind === 'failure' && sumOf(scores) >= LIMIT) {
    return trip(breaker, { by: 'failures', at: event.at, epoch: event.epoch })
  }
  return scores.every((score, k) => score === breaker.scores[k]) ? breaker : { ...breaker, scores }
}

function trip(
  breaker: Breaker,
  { by, at, epoch }: { by: TripCause; at: number; epoch: number },
): Breaker {
  const trips = breaker.trips + 1
  return trips >= MOST_TRIPS
    ? { state: 'spent', trips, by, at }
    : { state: 'tripped', trips, by, at, epoch }
}

/** The logarithm of the sum of what the scores are the logarithms of. */
function sumOf(scores: readonly number[]): number {
  const highest = Math.max(...scores)
  return highest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - highest), 0))
}

/** A breaker as it was kept; one that can't be read has seen nothing. */
export function parseBreaker(value: unknown): Breaker {
  if (typeof value !== 'object' || value === null) return CLOSED
  const { state, trips, scores, at, epoch } = value as Record<string, unknown>
  if (!Number.isSafeInteger(trips)) return CLOSED
  const isWhole =
    state === 'closed'
      ? Array.isArray(scores) && scores.length === FAILING.length && scores.every(Number.isFinite)
      : Number.isFinite(at) &&
        (state === 'spent' || (state === 'tripped' && Number.isFinite(epoch)))
  return isWhole ? (value as Breaker) : CLOSED
}
