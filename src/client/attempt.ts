import { COOLING_MS, type Cooling, MOST_ROLLBACKS, ROLLBACKS_MS } from '../engine/cooling.js'
import type { Outcome } from '../flows/handover.js'
import type { Operation } from '../model/operation.js'
import { type ControlConnection, readFact, writeFact } from '../store/control.js'
import type { Core } from './core.js'

/** Of the way back, at each start: what is to be left may not send meanwhile. */
const ATTEMPTS_BACK = 3

interface Attempts extends Cooling {
  /** The rollout version and target that were tried. */
  what: string
  count: number
}

type Rollbacks = Cooling & { count: number }

/** Why none may be made now, or one that was begun. */
export type Attempt = { wait: string } | { end(outcome: Outcome): Promise<void> }

/** Legacy was ordered, whether or not refactored still works. */
export function isWayBack<Op extends Operation>(core: Core<Op>): boolean {
  return ['KILLED', 'ROLLED_BACK'].includes(core.decision().reason)
}

/** Counts an attempt before it is made: a page may die in it. */
export async function beginAttempt<Op extends Operation>(
  core: Core<Op>,
  connection: ControlConnection,
): Promise<Attempt> {
  const { version, engine, reason } = core.decision()
  const isBack = isWayBack(core)
  const what = `${version}>${engine}`
  const before = await readFact<Attempts>(connection, 'attempts')
  const same = before?.what === what ? before : null
  const rollbacks = await readFact<Rollbacks>(connection, 'rollbacks')
  const recent = rollbacks && rollbacks.coolMs > 0 ? rollbacks.count : 0
  const wait = isBack ? whyEnough(same, ATTEMPTS_BACK) : whyWait(same, recent)
  if (wait) return { wait }
  const heardAt = core.confirmedNow()
  const count = (same?.count ?? 0) + 1
  await writeFact(connection, 'attempts', { what, count, coolMs: 0, heardAt })
  return {
    async end({ outcome, because }) {
      // One that another tab took did not fail.
      if (outcome === 'aborted' && !isBack && because !== 'FENCED') {
        const coolMs = COOLING_MS[count - 1] ?? 0
        await writeFact(connection, 'attempts', { what, count, coolMs, heardAt })
      } else if (outcome === 'committed' && reason === 'ROLLED_BACK') {
        const fact = { count: recent + 1, coolMs: ROLLBACKS_MS, heardAt }
        await writeFact(connection, 'rollbacks', fact)
      }
    },
  }
}

function whyWait(attempts: Attempts | null, rollbacks: number): string | null {
  if (attempts && attempts.coolMs > 0) {
    return 'a handover failed: one is tried again later, or when another rollout is published'
  }
  if (rollbacks >= MOST_ROLLBACKS) return 'this device rolled back twice within a day: it waits'
  return whyEnough(attempts, COOLING_MS.length + 1)
}

function whyEnough(attempts: Attempts | null, most: number): string | null {
  return attempts && attempts.count >= most
    ? `${most} handovers failed: publish again when the cause is mended`
    : null
}
