import { COOLING_MS, type Cooling, MOST_ROLLBACKS, ROLLBACKS_MS } from '../engine/cooling.js'
import type { Outcome } from '../flows/handover.js'
import type { Operation } from '../model/operation.js'
import { type ControlConnection, changeFact, readFact } from '../store/control.js'
import type { Core } from './core.js'

/** How many may fail for one rollout. */
const ATTEMPTS = COOLING_MS.length + 1
/** Of the way back, at each start: what is to be left may not send meanwhile. */
const ATTEMPTS_BACK = 3

interface Attempts extends Cooling {
  /** The rollout version, and the target or the way back, that were tried. */
  what: string
  /** Failed. */
  count: number
  /** Begun since, and not ended: their pages were closed, or died in them. */
  open?: number
}

type Tries = Omit<Attempts, 'what' | 'heardAt'>
/** `last`: the handover that was counted last. */
type Rollbacks = Cooling & { count: number; last?: string }

/** Why none may be made now, or one that was begun. */
export type Attempt = { wait: string } | { end(outcome: Outcome): Promise<void> }

/** Legacy was ordered, whether or not refactored still works. */
export function isWayBack<Op extends Operation>(core: Core<Op>): boolean {
  return ['KILLED', 'ROLLED_BACK'].includes(core.decision().reason)
}

/**
 * Counts an attempt before it is made: a page may be closed, or die in it. As many as may fail are made anew at the next start;
 * those that come then begin with the wait that follows where they do not end either.
 */
export async function beginAttempt<Op extends Operation>(
  core: Core<Op>,
  connection: ControlConnection,
): Promise<Attempt> {
  const { version, engine } = core.decision()
  const isBack = isWayBack(core)
  // The way back waits for nothing that failed while the help of what is left was asked for.
  const what = `${version}>${isBack ? 'back' : engine}`
  const most = isBack ? ATTEMPTS_BACK : ATTEMPTS
  const rollbacks = toRecent(await readFact<Rollbacks>(connection, 'rollbacks'))
  const heardAt = core.confirmedNow()
  let wait = null as string | null
  await changeFact<Attempts | null>(connection, 'attempts', (kept) => {
    const before: Tries = kept?.what === what ? kept : { count: 0, coolMs: 0 }
    wait = whyWait(before, isBack ? 0 : rollbacks, most)
    if (wait) return kept
    const open = Math.min((before.open ?? 0) + 1, most + COOLING_MS.length)
    return { what, heardAt, count: before.count, open, coolMs: COOLING_MS[open - most - 1] ?? 0 }
  })
  if (wait) return { wait }
  return {
    async end({ outcome, because }) {
      // One that another tab took did not fail.
      if (outcome !== 'aborted' || because === 'FENCED') return
      await changeFact<Attempts | null>(connection, 'attempts', (kept) => {
        if (kept?.what !== what) return kept
        const count = kept.count + 1
        return { what, heardAt, count, coolMs: isBack ? 0 : (COOLING_MS[count - 1] ?? 0) }
      })
    },
  }
}

/** Counts a way back of an engine that was given up once, whichever page finishes it. */
export async function noteRollback<Op extends Operation>(
  core: Core<Op>,
  { id, to, outcome }: Outcome,
): Promise<void> {
  const { control } = core.stores
  const isRollback = to === 'legacy' && core.decision().reason === 'ROLLED_BACK'
  if (!control || outcome !== 'committed' || !isRollback) return
  const rolled = { last: id, coolMs: ROLLBACKS_MS, heardAt: core.confirmedNow() }
  await changeFact<Rollbacks>(control, 'rollbacks', (kept) =>
    kept?.last === id ? kept : { ...rolled, count: toRecent(kept) + 1 },
  )
}

/** Of the last day. */
function toRecent(rollbacks: Rollbacks | null): number {
  return rollbacks && rollbacks.coolMs > 0 ? rollbacks.count : 0
}

function whyWait({ count, coolMs }: Tries, rollbacks: number, most: number): string | null {
  if (coolMs > 0) {
    return 'a handover failed: one is tried again later, or when another rollout is published'
  }
  if (rollbacks >= MOST_ROLLBACKS) return 'this device rolled back twice within a day: it waits'
  return count >= most ? `${most} handovers failed: publish again when the cause is mended` : null
}
