import { setTimeout as wait } from 'node:timers/promises'
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

/** What befalls tabs. */
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
/** And what happens while an app is updated. */
const UPDATES = ['upgrade', 'stale'] as const
export type Fault = (typeof FAULTS)[number] | (typeof UPDATES)[number]

/** A busy machine takes its time to load a page and to write. */
const EFFECT_MS = 20_000

/** Chromium asks for the quota again once what it was told before has faded. */
const QUOTA_MS = 60_000

/** Room for a quota that fades and for a rest that is late. */
const TRIAL_MS = 5 * 60_000

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
  if (make.name === 'Chromium') return [...FAULTS, ...UPDATES]
  // A page that another browser keeps may have a database open, and an upgrade waits behind it.
  return ['kill', 'close', 'reload', 'stop', 'stale']
}

/** All faults in turns, everything else at random. */
export function planTrials(random: Random, runs: number, faults: readonly Fault[]): Trial[] {
  return Array.from({ length: runs }, (_, at) => {
    const fault = faults[at % faults.length] ?? 'kill'
    return {
      tier: random.pick(TIERS),
      // A page that hears of others is not kept in Chromium.
      tabs: fault === 'leave' ? 1 : 1 + random.below(4),
      goal: random.pick(GOALS),
      fault,
      atMs: random.below(700),
    }
  })
}

/** What is left of a handover that one fault struck. Ends by itself: what hangs is a failure, and its browser is killed. */
export async function runTrial(lab: Lab, trial: Trial): Promise<Verdict & { struck: boolean }> {
  const profile = await openProfile(lab, {
    tier: trial.tier,
    notes: 3,
    pauseMs: 20,
    burst: 1,
    width: 1,
    ...(trial.flaw && { flaw: trial.flaw }),
  })
  const ended = new AbortController()
  const late = wait(TRIAL_MS, undefined, ended).then(() => {
    throw new Error(`no end after ${TRIAL_MS / 1_000} s`)
  })
  try {
    return await Promise.race([breakHandover(lab, profile, trial), late])
  } catch (cause) {
    profile.forgetAll()
    await lab.kill()
    const wrong = [`no verdict: ${cause instanceof Error ? cause.stack : String(cause)}`]
    return { wrong, accepted: 0, doubled: 0, committed: 0, aborted: 0, struck: false }
  } finally {
    ended.abort()
    await profile.end()
  }
}

/** A handover while every tab writes, one fault in it, and what is left once all is well again. */
async function breakHandover(
  lab: Lab,
  profile: Profile,
  trial: Trial,
): Promise<Verdict & { struck: boolean }> {
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
      await until(async () => isRefused(), QUOTA_MS)
      await sleep(lastsMs)
      await victim.setQuota?.(null)
      return isRefused()
    },
    // The others can not open it any more: one of them may hold the lease.
    async upgrade() {
      profile.build = 'newer'
      await profile.loaded(victim)
      await profile.loaded(await profile.open())
      return until(() => victim.run(() => window.faults.outdated()))
    },
    // Where WebKit keeps a page of that build, its transactions stay open: it is closed, and not loaded anew.
    async stale() {
      await profile.reload(victim, 'previous')
      await profile.loaded(victim)
      const hasWritten = await until(() => victim.run(() => window.faults.accepted() > 0))
      await sleep(lastsMs)
      profile.forget(victim)
      await victim.close()
      return hasWritten
    },
  }
  return acts[o.fault]()
}

async function until(isSo: () => Promise<boolean>, withinMs = EFFECT_MS): Promise<boolean> {
  const end = performance.now() + withinMs
  while (!(await isSo())) {
    if (performance.now() > end) return false
    await sleep(50)
  }
  return true
}
