import type { EngineName } from '../../src/model/operation.js'
import type { Tier } from './engine.js'
import { arm, type Fault } from './fault.js'
import { countDoubled, judge, listStale } from './oracle.js'
import type { Plans } from './plans.js'
import type { Flaw } from './server.js'
import { type Client, createTrial, type Trial } from './trial.js'

export type Direction = 'forth' | 'back'

/** Where one run is stopped, and how. */
export interface Crash {
  seed: number
  tier: Tier
  direction: Direction
  /** The event of the tab that hands over. */
  point: number
  /** `null`: nothing happens. */
  fault: Fault | null
  /** Another one, so many events into the tab that recovers. */
  second?: { point: number; fault: Fault }
  flaw?: Flaw
}

export interface Verdict {
  /** Events that the tab which handed over heard of until all was done. */
  points: number
  doubled: number
  /** Notes that a thawed page left behind what the server has. */
  stale: number
  virtualMs: number
  wrong: string[]
}

const ENOUGH_MS = 600_000
const GOALS = { forth: 'refactored', back: 'legacy' } as const

/** A handover with a second tab that writes along, one fault or two, a recovery, and the verdict. */
export async function runCrash(o: Crash, plans: Plans): Promise<Verdict> {
  const trial = createTrial({ ...o, plans, pristine: o.direction === 'back' })
  try {
    const goal = GOALS[o.direction]
    await prepare(trial, o.direction)
    const coordinator = trial.open(goal, 1)
    if (o.fault) arm(trial, coordinator.tab, o.point, o.fault)
    void coordinator.gray.start()
    for (const entityId of ['a', 'b']) trial.enqueue(coordinator, entityId)
    const follower = trial.open(goal, 1)
    trial.schedule.after(5, () => void follower.gray.start())
    for (const [ms, entityId] of [
      [6, 'b'],
      [12, 'a'],
      [25, 'c'],
    ] as const) {
      trial.schedule.after(ms, () => trial.enqueue(follower, entityId))
    }
    await settle(trial, goal)
    const points = coordinator.tab.heard
    await thaw(trial, coordinator)
    await settle(trial, goal)
    await leave(trial, [coordinator, follower])
    if (o.second) await recoverBadly(trial, goal, o.second)
    const wrong = await recover(trial, goal)
    return {
      points,
      doubled: countDoubled(trial),
      stale: trial.wasWiped ? 0 : listStale(trial).length,
      virtualMs: trial.schedule.now(),
      wrong,
    }
  } finally {
    trial.end()
  }
}

/** A profile in use: two operations from before graysync, and some that no server has. */
async function prepare(trial: Trial, direction: Direction): Promise<void> {
  const { profile, network, schedule, tier } = trial
  const own = direction === 'forth' ? 'legacy' : 'refactored'
  const tab = profile.tab()
  if (own === 'legacy') {
    let done = false
    void trial
      .queueOld(tab, 'a')
      .then(() => trial.queueOld(tab, 'b'))
      .then(() => {
        done = true
      })
    await schedule.run(() => done, ENOUGH_MS)
  }
  network.online = tier === 'drain'
  const client = trial.open(own, 0, tab)
  void client.gray.start()
  for (const entityId of ['a', 'b', 'a']) trial.enqueue(client, entityId)
  const isReady = () =>
    tier === 'drain'
      ? isCalm(trial, own)
      : trial.openRows().length >= 3 && trial.openRows().every((row) => row.applied)
  if (!(await schedule.run(isReady, ENOUGH_MS))) throw new Error('the profile is not in use')
  await leave(trial, [client])
  network.online = true
}

/** Nothing is open, nothing is on its way, and the engine that is wanted owns the profile. */
function isCalm(trial: Trial, goal: EngineName): boolean {
  const control = trial.control()
  return (
    control?.owner === goal &&
    control.handover === null &&
    trial.asked.every((one) => one.fate !== 'waiting') &&
    trial.openRows().length === 0 &&
    trial.queueOf(goal).length === 0 &&
    trial.network.underWay === 0
  )
}

async function settle(trial: Trial, goal: EngineName): Promise<void> {
  const since = trial.schedule.now()
  await trial.schedule.run(() => trial.schedule.now() > since + 60 && isCalm(trial, goal), 60_000)
}

/** Nobody comes back from a freeze in no time. */
async function thaw({ schedule }: Trial, { tab }: Client): Promise<void> {
  if (tab.state !== 'frozen') return
  await schedule.run(() => false, 1_000)
  tab.resume()
}

async function leave(trial: Trial, clients: readonly Client[]): Promise<void> {
  for (const { tab, gray } of clients) {
    let closed = tab.state === 'dead'
    void gray.close().then(() => {
      closed = true
    })
    await trial.schedule.run(() => closed, 20_000)
    tab.kill()
  }
}

async function recoverBadly(
  trial: Trial,
  goal: EngineName,
  second: { point: number; fault: Fault },
): Promise<void> {
  const again = trial.open(goal, 1)
  arm(trial, again.tab, second.point, second.fault)
  void again.gray.start()
  const { schedule } = trial
  await schedule.run(() => again.tab.state === 'dead' || isCalm(trial, goal), 60_000)
  await thaw(trial, again)
  await settle(trial, goal)
  await leave(trial, [again])
}

async function recover(trial: Trial, goal: EngineName): Promise<string[]> {
  const healer = trial.open(goal, 2)
  void healer.gray.start()
  const isAtRest = () => healer.gray.getSnapshot().running === goal && isAtEase(trial, goal)
  const calm = await trial.schedule.run(isAtRest, ENOUGH_MS)
  const wrong = judge(trial)
  const { decision, guarantee, ...snapshot } = healer.gray.getSnapshot()
  if (!calm) wrong.push(`no rest: ${decision?.reason} ${JSON.stringify(snapshot)}`)
  await leave(trial, [healer])
  return wrong
}

/** Calm, whatever became of promises that died with their tab. */
function isAtEase(trial: Trial, goal: EngineName): boolean {
  return (
    trial.control()?.handover === null &&
    trial.openRows().length === 0 &&
    trial.queueOf(goal).length === 0 &&
    trial.network.underWay === 0
  )
}
