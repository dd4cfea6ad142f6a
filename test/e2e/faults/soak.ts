import type { EngineName } from '../../../src/model/operation.js'
import type { Random } from '../../consistency/random.js'
import { type Lab, openProfile, sleep, type Verdict } from './profile.js'
import { FAULTS, strike } from './trial.js'

const TABS = 4

export interface Soaked extends Verdict {
  flips: number
  faults: Record<string, number>
}

/** Four tabs of one profile that write for so long, while engines change and everything happens to them; then the verdict. */
export async function soak(lab: Lab, o: { minutes: number; random: Random }): Promise<Soaked> {
  const { random } = o
  const profile = await openProfile(lab, {
    tier: 'fenced',
    notes: 500,
    pauseMs: 400,
    burst: 16,
    width: 16,
  })
  const { server } = profile
  const faults: Record<string, number> = {}
  const end = performance.now() + o.minutes * 60_000
  let goal: EngineName = 'legacy'
  let flips = 0
  server.publish(goal)
  try {
    while (performance.now() < end) {
      while (profile.tabs.length < TABS) await profile.loaded(await profile.open())
      await sleep(random.below(5_000))
      if (random.below(3) === 0) {
        goal = goal === 'legacy' ? 'refactored' : 'legacy'
        flips++
        server.publish(goal)
        for (const tab of profile.tabs) await profile.reload(tab)
        await sleep(random.below(1_500))
      }
      server.isOpen = random.below(4) > 0
      const fault = random.pick(FAULTS)
      const lastsMs = random.below(8_000)
      const victim = random.pick(profile.tabs)
      const struck = await strike({ lab, profile, victim, fault, lastsMs })
      if (struck) faults[fault] = (faults[fault] ?? 0) + 1
      server.isOpen = true
    }
    return { ...(await profile.verify()), flips, faults }
  } finally {
    await profile.end()
  }
}
