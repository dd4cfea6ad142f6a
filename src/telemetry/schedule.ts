import type { Lane } from '../model/record.js'
import type { Schedule } from '../store/database.js'
import type { Stop } from './send.js'

/** What waits apart from the rest. */
export type Parkable = Lane | 'file' | 'erasure'

const BASE_MS = 1_000
const CAP_MS = 60 * 60 * 1_000
const PROBE_MS = 60 * 60 * 1_000
const LONGEST_WAIT_MS = 24 * 60 * 60 * 1_000

/** How long everything waits. A wait longer than any that is ever set means that the clock was moved: it doesn't count. */
export function toWaitMs(schedule: Schedule, now: number): number {
  const waitMs = schedule.notBefore - now
  return waitMs > 0 && waitMs <= LONGEST_WAIT_MS ? waitMs : 0
}

/** How long a lane waits for its next probe. */
export function toParkedMs(schedule: Schedule, what: Parkable, now: number): number {
  const waitMs = (schedule.parked[what] ?? 0) - now
  return waitMs > 0 && waitMs <= PROBE_MS ? waitMs : 0
}

export function isOpen(schedule: Schedule, what: Parkable): boolean {
  return schedule.failures === 0 && schedule.parked[what] === undefined
}

/** Something got through. */
export function opened(schedule: Schedule, what: Parkable): Schedule {
  const { [what]: _, ...parked } = schedule.parked
  return { ...schedule, notBefore: 0, told: false, failures: 0, parked }
}

/** Nothing more gets through for now: this lane is parked, or everything waits. */
export function held(
  schedule: Schedule,
  what: Parkable,
  stop: Stop,
  o: { now: number; random: number },
): Schedule {
  if (stop.status === 'config') {
    return { ...schedule, parked: { ...schedule.parked, [what]: o.now + PROBE_MS } }
  }
  // Whoever tries before it is time, since the page is seen again, doesn't make the wait longer.
  const failures = schedule.failures + (toWaitMs(schedule, o.now) > 0 ? 0 : 1)
  const waitMs = Math.max(BASE_MS, stop.afterMs ?? toBackoffMs(failures, o.random))
  return {
    ...schedule,
    notBefore: o.now + Math.min(waitMs, LONGEST_WAIT_MS),
    told: stop.afterMs !== undefined,
    failures,
  }
}

/** Between 1 s and 1 h, spread over the whole span so that a fleet doesn't come back at once. */
function toBackoffMs(failures: number, random: number): number {
  const limitMs = Math.min(CAP_MS, BASE_MS * 2 ** failures)
  return BASE_MS + random * (limitMs - BASE_MS)
}
