import { describe, expect, it } from 'vitest'
import {
  type Breaker,
  type BreakerEvent,
  CLOSED,
  parseBreaker,
  stepBreaker,
} from '../../src/engine/breaker.js'
import { createRandom } from '../consistency/random.js'

const OK: BreakerEvent = { kind: 'ok' }
const FAILURE: BreakerEvent = { kind: 'failure', at: 7, epoch: 3 }

/** Operations until the breaker trips; `most` where it does not. */
function runUntilTrip(from: Breaker, failing: number, most: number, random: () => number): number {
  let breaker = from
  for (let n = 1; n <= most; n++) {
    const next = stepBreaker(breaker, random() < failing ? FAILURE : OK)
    if (next.state !== 'closed') return n
    // Success changes nothing any more: on to the next failure at once, which alone trips nothing.
    if (next === breaker) n += Math.floor(Math.log(1 - random()) / Math.log(1 - failing))
    breaker = next === breaker ? stepBreaker(breaker, FAILURE) : next
  }
  return Number.POSITIVE_INFINITY
}

function repeat(count: number, event: BreakerEvent): Breaker {
  let breaker = CLOSED
  for (let n = 0; n < count; n++) breaker = stepBreaker(breaker, event)
  return breaker
}

const p95 = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1] ?? Number.NaN

describe('the breaker', () => {
  const STATES = {
    closed: { ...CLOSED, trips: 1 },
    'about to trip': { ...repeat(3, FAILURE), trips: 1 },
    'closed after two trips': { ...repeat(3, FAILURE), trips: 2 },
    tripped: { state: 'tripped', trips: 1, by: 'start', at: 1, epoch: 3 },
    spent: { state: 'spent', trips: 3, by: 'boots', at: 1 },
  } satisfies Record<string, Breaker>
  const EVENTS = {
    ok: OK,
    failure: FAILURE,
    trip: { kind: 'trip', by: 'integrity', at: 7, epoch: 3 },
    'a rollout with the same epoch': { kind: 'rollout', epoch: 3 },
    'a rollout with a higher epoch': { kind: 'rollout', epoch: 4 },
  } satisfies Record<string, BreakerEvent>
  const by = (cause: 'failures' | 'integrity') =>
    ({ state: 'tripped', trips: 2, by: cause, at: 7, epoch: 3 }) as const
  const spent = (cause: 'failures' | 'integrity') =>
    ({ state: 'spent', trips: 3, by: cause, at: 7 }) as const
  const same = 'same'
  const scores = 'scores'
  type Cell = Breaker | typeof same | typeof scores
  const TABLE: Record<keyof typeof STATES, Record<keyof typeof EVENTS, Cell>> = {
    closed: {
      ok: scores,
      failure: scores,
      trip: by('integrity'),
      'a rollout with the same epoch': same,
      'a rollout with a higher epoch': same,
    },
    'about to trip': {
      ok: scores,
      failure: by('failures'),
      trip: by('integrity'),
      'a rollout with the same epoch': same,
      'a rollout with a higher epoch': same,
    },
    'closed after two trips': {
      ok: scores,
      failure: spent('failures'),
      trip: spent('integrity'),
      'a rollout with the same epoch': same,
      'a rollout with a higher epoch': same,
    },
    tripped: {
      ok: same,
      failure: same,
      trip: same,
      'a rollout with the same epoch': same,
      'a rollout with a higher epoch': { ...CLOSED, trips: 1 },
    },
    spent: {
      ok: same,
      failure: same,
      trip: same,
      'a rollout with the same epoch': same,
      'a rollout with a higher epoch': same,
    },
  }
  const cells = (Object.keys(STATES) as (keyof typeof STATES)[]).flatMap((state) =>
    (Object.keys(EVENTS) as (keyof typeof EVENTS)[]).map((event) => [state, event] as const),
  )

  it.each(cells)('that is %s takes %s as the table says', (state, event) => {
    const before: Breaker = STATES[state]
    const next = stepBreaker(before, EVENTS[event])
    const cell = TABLE[state][event]
    if (cell === same) return expect(next).toBe(before)
    if (cell !== scores) return expect(next).toEqual(cell)
    expect(next).toMatchObject({ state: 'closed', trips: before.trips })
    expect(next).not.toEqual(before)
  })

  it('says by the same object that a healthy engine changed nothing', () => {
    const healthy = repeat(1, OK)
    expect(stepBreaker(healthy, OK)).toBe(healthy)
  })

  it.each([
    null,
    7,
    {},
    { state: 'closed', trips: 0, scores: [0, 0] },
    { state: 'closed', trips: 0, scores: [0, 0, 0, 0, null] },
    { state: 'tripped', trips: 1, by: 'start', at: 1 },
    { state: 'open', trips: 1, at: 1 },
  ])('that was kept as %j has seen nothing', (kept) => {
    expect(parseBreaker(kept)).toBe(CLOSED)
  })

  it('is read as it was kept', () => {
    for (const breaker of Object.values(STATES)) {
      expect(parseBreaker(structuredClone(breaker))).toEqual(breaker)
    }
  })

  it('moves a profile five times a version at most, however often it is reset', () => {
    let breaker = CLOSED
    let switches = 0
    for (let epoch = 1; epoch < 20; epoch++) {
      const tripped = stepBreaker(breaker, { kind: 'trip', by: 'start', at: 0, epoch })
      if (tripped !== breaker) switches++
      breaker = stepBreaker(tripped, { kind: 'rollout', epoch: epoch + 1 })
      if (breaker !== tripped) switches++
    }
    expect(switches).toBe(5)
  })
})

describe('in simulation, by a fixed seed', { timeout: 60_000 }, () => {
  it('trips in at most 0.1 % of clients within 10,000 operations of which 0.5 % fail', () => {
    const random = createRandom(4)
    const clients = 2_000
    let trips = 0
    for (let client = 0; client < clients; client++) {
      if (runUntilTrip(CLOSED, 0.005, 10_000, random) <= 10_000) trips++
    }
    expect(trips / clients).toBeLessThanOrEqual(0.001)
  })

  it.each([
    [1, 4],
    [0.5, 16],
    [0.2, 80],
    [0.1, 250],
  ])(
    'notices that a share of %d fails within %i operations (p95), after 500 good ones',
    (failing, most) => {
      const random = createRandom(5)
      const delays = Array.from({ length: 2_000 }, () =>
        runUntilTrip(repeat(500, OK), failing, 5_000, random),
      )
      expect(p95(delays)).toBeLessThanOrEqual(most)
    },
  )

  it('does not trip at three failures in a row', () => {
    expect(repeat(3, FAILURE).state).toBe('closed')
    expect(repeat(4, FAILURE).state).toBe('tripped')
  })
})
