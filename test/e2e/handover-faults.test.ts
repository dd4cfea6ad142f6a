import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isPresent } from '../support/presence.js'
import { signPlans } from '../sweep/plans.js'
import { buildPages } from './faults/builds.js'
import { type Lab, openLab } from './faults/profile.js'
import { runTrial, type Trial } from './faults/trial.js'
import { lifelike } from './support/lifelike.js'

const isHere = isPresent('handovers that are broken in Chromium', lifelike.absence)

describe.runIf(isHere)('a handover in Chromium', () => {
  let lab: Lab

  beforeAll(async () => {
    lab = await openLab({ make: lifelike, builds: await buildPages(), plans: await signPlans(2) })
  })

  afterAll(() => lab?.close())

  it.each<Trial>([
    { fault: 'kill', tier: 'fenced', tabs: 1, goal: 'refactored', atMs: 150 },
    { fault: 'crash', tier: 'keyed', tabs: 2, goal: 'refactored', atMs: 200 },
    { fault: 'freeze', tier: 'versioned', tabs: 2, goal: 'legacy', atMs: 100 },
    { fault: 'offline', tier: 'fenced', tabs: 1, goal: 'legacy', atMs: 50 },
    { fault: 'upgrade', tier: 'fenced', tabs: 2, goal: 'refactored', atMs: 200 },
    { fault: 'stale', tier: 'keyed', tabs: 2, goal: 'refactored', atMs: 100 },
  ])('loses, doubles and reorders nothing by %j', async (trial) => {
    const { wrong, struck, accepted, committed } = await runTrial(lab, trial)
    expect(wrong).toEqual([])
    expect(struck).toBe(true)
    expect(accepted).toBeGreaterThan(0)
    expect(committed).toBeGreaterThan(0)
  })

  it('that loses what its server said it took is seen', async () => {
    const { wrong } = await runTrial(lab, {
      fault: 'reload',
      tier: 'keyed',
      tabs: 1,
      goal: 'refactored',
      atMs: 100,
      flaw: 'loses',
    })
    expect(wrong.join()).toContain('was accepted and is lost')
  })
})
