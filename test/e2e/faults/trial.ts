import type { Random } from '../../consistency/random.js'
import type { Tier } from '../../sweep/engine.js'
import type { Flaw } from '../../sweep/server.js'
import type { Make, Tab } from '../support/tab.js'
import {
  type Lab,
  openProfile,
  type Profile,
  sleep,
  untilRunning,
  type Verdict,
} from './profile.js'

export const FAULTS = [
  'kill',
  'crash',
  'freeze',
  'close',
  'reload',
  'offline',
  'stop',
  'leave',
  'quota',
] as const
export type Fault = (typeof FAULTS)[number]

/** Chromium asks for the quota again once what it was told before has faded. */
const QUOTA_MS = 60_000

const TIERS = ['contained', 'keyed', 'versioned', 'fenced'] as const
const GOALS = ['refactored', 'legacy'] as const

/** One fault in one handover, as it can be run again. */
export interface Trial {
  tier: Tier
  tabs: number
  goal: (typeof GOALS)[number]
  fault: Fault
  /** From the moment in which the first of the tabs was loaded anew. */
  atMs: number
  flaw?: Flaw
}

/** Faults that this browser can be made to have. */
export function listFaults(make: Make): readonly Fault[] {
  if (make.name === 'Chromium') return FAULTS
  return ['kill', 'close', 'reload', 'stop']
}

/** All faults in turns, everything else at random. */
export function planTrials(random: Random, runs: number, faults: readonly Fault[]): Trial[] {
  return Array.from({ length: runs }, (_, at) => ({
    tier: random.pick(TIERS),
    tabs: 1 + random.below(4),
    goal: random.pick(GOALS),
    fault: faults[at % faults.length] ?? 'kill',
    atMs: random.below(700),
  }))
}

/** A handover while every tab writes, one fault in it, and what is left once all is well again. */
export async function runTrial(lab: Lab, trial: Trial): Promise<Verdict & { struck: boolean }> {
  const profile = await openProfile(lab, {
    tier: trial.tier,
    notes: 3,
    pauseMs: 20,
    burst: 1,
    width: 1,
    ...(trial.flaw && { flaw: trial.flaw }),
  })
  try {
    const before = trial.goal === 'refactored' ? 'legacy' : 'refactored'
    profile.server.publish(before)
    while (profile.tabs.length < trial.tabs) {
      const tab = await profile.open()
      await profile.loaded(tab)
      await untilRunning(tab, before)
    }
    // What is queued when the handover begins.
    profile.server.isOpen = false
    await sleep(100)
    profile.server.publish(trial.goal)
    const [victim] = profile.tabs
    if (!victim) throw new Error('no tab is open')
    const visited = profile.server.visited()
    for (const tab of profile.tabs) await profile.reload(tab)
    await visited
    await sleep(trial.atMs)
    profile.server.isOpen = true
    const struck = await strike({ lab, profile, victim, fault: trial.fault })
    return { ...(await profile.verify()), struck }
  } finally {
    await profile.end()
  }
}

/** Afterwards the browser runs, and every tab that is left is awake and online. Answers whether the fault took effect. */
export async function strike(o: {
  lab: Lab
  profile: Profile
  victim: Tab
  fault: Fault
  lastsMs?: number
}): Promise<boolean> {
  const { lab, profile, victim, lastsMs = 700 } = o
  const acts: Record<Fault, () => Promise<boolean>> = {
    async kill() {
      profile.forgetAll()
      await lab.kill()
      return true
    },
    async crash() {
      await victim.crash?.()
      profile.forget(victim)
      await victim.close().catch(() => undefined)
      return true
    },
    // A page that freezes while it loads does not go on in Chromium.
    async freeze() {
      profile.froze = true
      await profile.loaded(victim)
      await victim.setFrozen?.(true)
      await sleep(lastsMs)
      await victim.setFrozen?.(false)
      return true
    },
    async close() {
      profile.forget(victim)
      await victim.close()
      return true
    },
    async reload() {
      await profile.reload(victim)
      return true
    },
    async offline() {
      await profile.loaded(victim)
      await victim.setOffline?.(true)
      await sleep(lastsMs)
      await victim.setOffline?.(false)
      return true
    },
    async stop() {
      const { setStopped } = lab.browser()
      setStopped?.(true)
      await sleep(lastsMs)
      setStopped?.(false)
      return setStopped !== undefined
    },
    // A page that is kept may be in the middle of an engine's own write, as one that is frozen.
    async leave() {
      profile.froze = true
      let isKept = false
      // Chromium keeps no page for which something arrives meanwhile.
      for (let times = 0; !isKept && times < 5; times++) {
        await profile.loaded(victim)
        await victim.open(`${profile.server.url}away`)
        await sleep(lastsMs)
        await victim.run(() => void setTimeout(() => history.back()))
        await profile.loaded(victim)
        isKept = await victim.run(() => window.faults.returned())
      }
      return isKept
    },
    async quota() {
      await profile.loaded(victim)
      const before = profile.server.refused()
      const isRefused = () => profile.server.refused() > before
      await victim.setQuota?.(1)
      const end = performance.now() + QUOTA_MS
      while (!isRefused() && performance.now() < end) await sleep(50)
      await sleep(lastsMs)
      await victim.setQuota?.(null)
      return isRefused()
    },
  }
  return acts[o.fault]()
}
