import { createRandom, type Random } from '../consistency/random.js'

/** One world's time and the order of everything in it, both from one seed. */
export interface Schedule {
  readonly random: Random
  /** Virtual milliseconds since the beginning. */
  now(): number
  /** Runs after `ms`; the answer cancels it. */
  after(ms: number, run: () => void): () => void
  /** Runs in a later turn, in order within its lane; which lane goes first is drawn. */
  soon(lane: string, run: () => void): void
  /** Lets the world go on until `isOver`; `false` when that did not come within `ms` of virtual time. */
  run(isOver: () => boolean, ms: number): Promise<boolean>
  /** Gives the real `setImmediate` back. */
  end(): void
}

interface Timer {
  at: number
  run(): void
}

/** What one turn costs in virtual milliseconds. */
const TURN_MS = 0.05
/** Looking whether it is over costs more than a turn. */
const LOOK_EVERY = 16
/** A dynamic import of a module that is loaded already comes within so many real turns. */
const PATIENCE = 4

const realImmediate = globalThis.setImmediate
const turn = () => new Promise<void>((resolve) => realImmediate(resolve))
/** When no promise has anything left to do: much cheaper than a turn. */
const settle = () => new Promise<void>((resolve) => process.nextTick(resolve))

/** Takes over `setImmediate`, by which fake-indexeddb orders its work, until `end`. */
export function createSchedule(seed: number): Schedule {
  const random = createRandom(seed)
  const lanes = new Map<string, (() => void)[]>()
  const timers = new Set<Timer>()
  let now = 0

  const soon = (lane: string, run: () => void) => {
    const queue = lanes.get(lane)
    if (queue) queue.push(run)
    else lanes.set(lane, [run])
  }
  globalThis.setImmediate = ((run: () => void) => soon('disk', run)) as typeof setImmediate

  const takeNext = (): (() => void) | undefined => {
    const ready = [...lanes.values()].filter((queue) => queue.length > 0)
    if (ready.length === 0) return undefined
    return (ready.length === 1 ? ready[0] : random.pick(ready))?.shift()
  }

  const ripen = () => {
    const ripe = [...timers].filter((timer) => timer.at <= now)
    for (const timer of ripe.sort((a, b) => a.at - b.at)) {
      timers.delete(timer)
      soon('timer', timer.run)
    }
  }

  const step = (): boolean => {
    const next = takeNext()
    if (next) now += TURN_MS
    next?.()
    return next !== undefined
  }

  /** Leaps to the next timer; `false` where none falls due in time. */
  const leap = (until: number): boolean => {
    const first = Math.min(...[...timers].map((timer) => timer.at))
    now = Math.max(now, Math.min(first, until))
    return first <= until
  }

  return {
    random,
    now: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    soon,
    async run(isOver, ms) {
      const until = now + ms
      let turns = 0
      let idle = 0
      const looksOver = () => turns++ % LOOK_EVERY === 0 && isOver()
      while (now <= until && !looksOver()) {
        ripen()
        idle = step() ? 0 : idle + 1
        if (idle > PATIENCE && (isOver() || !leap(until))) break
        await (idle === 0 ? settle() : turn())
        idle %= PATIENCE + 1
      }
      return isOver()
    },
    end() {
      globalThis.setImmediate = realImmediate
    },
  }
}
