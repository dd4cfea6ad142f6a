import { dropDoomed } from '../engine/backup.js'
import { layBallast } from '../engine/ballast.js'
import { type Cooling, cool } from '../engine/cooling.js'
import { retain } from '../engine/retention.js'
import type { Operations } from '../flows/enqueue.js'
import type { Operation } from '../model/operation.js'
import { type ControlConnection, changeFact, readFact } from '../store/control.js'
import type { Core } from './core.js'
import { later } from './later.js'
import { tendSealed } from './sealed.js'

const COOL_EVERY_MS = 60_000
const HEAR_EVERY_MS = 600_000
const RETAIN_EVERY_MS = 3_600_000
/** The start comes first. */
const FIRST_MS = 10_000
const PROBATION = { days: 7, operations: 50 }

/** What the tab that leads does besides. */
export function tend<Op extends Operation>(
  core: Core<Op>,
  operations: Operations<Op>,
  isMine: () => boolean,
): void {
  tendSealed(core, operations, isMine)
  keepHouse(core, isMine)
}

/** Counts down what cools, and lets go of what is not needed any more. */
function keepHouse<Op extends Operation>(core: Core<Op>, isMine: () => boolean): void {
  const { platform, stores } = core
  const { control } = stores
  if (!control || !isMine()) return
  let looked = platform.monotonic()
  let retained = Number.NEGATIVE_INFINITY

  const round = async (): Promise<number> => {
    const now = platform.monotonic()
    const passed = { heardAt: core.confirmedNow(), ranMs: now - looked }
    looked = now
    await dropDoomed(control)
    if (passed.heardAt !== null && now - retained >= RETAIN_EVERY_MS) {
      retained = now
      // What can’t be cleared away keeps nothing waiting.
      await clear(core, control, passed.heardAt).catch(core.report)
    }
    const isCooling = await coolDown(control, passed)
    // Last: on a full disk there may be no room for it.
    await layBallast(control, platform)
    return isCooling ? COOL_EVERY_MS : HEAR_EVERY_MS
  }
  const again = (ms: number) => {
    later(core, ms, () => {
      if (!isMine()) return
      round().then(again, (cause) => {
        core.report(cause)
        again(RETAIN_EVERY_MS)
      })
    })
  }
  again(FIRST_MS)
}

function clear<Op extends Operation>(
  core: Core<Op>,
  control: ControlConnection,
  heardAt: number,
): Promise<void> {
  const { stage } = core.decision()
  const { probation } = core.rollout()?.stages.find(({ name }) => name === stage) ?? {}
  return retain({
    control,
    probation: { ...PROBATION, ...probation },
    isTripped: core.breaker.isOpen(),
    heardAt,
  })
}

async function coolDown(
  control: ControlConnection,
  passed: { heardAt: number | null; ranMs: number },
): Promise<boolean> {
  let isCooling = false
  for (const key of ['attempts', 'rollbacks']) {
    if (!(await readFact<Partial<Cooling>>(control, key))?.coolMs) continue
    await changeFact<Partial<Cooling>>(control, key, (kept) => {
      const cooled = cool({ coolMs: 0, heardAt: null, ...kept }, passed)
      isCooling ||= cooled.coolMs > 0
      return cooled
    })
  }
  return isCooling
}
