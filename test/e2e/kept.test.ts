import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildPage } from '../support/outage.js'
import { isPresent } from '../support/presence.js'
import { signPlans } from '../sweep/plans.js'
import { type Lab, openLab, openProfile } from './faults/profile.js'
import { minibrowser } from './support/minibrowser.js'

const WAIT = { timeout: 30_000 }

const isHere = isPresent('pages that WebKitGTK keeps', minibrowser.absence)

describe.runIf(isHere)('a page that WebKitGTK keeps in the middle of a write', () => {
  let lab: Lab

  beforeAll(async () => {
    const present = await buildPage('../e2e/faults/page.ts')
    lab = await openLab({ make: minibrowser, builds: { present }, plans: await signPlans(1) })
  })

  afterAll(() => lab?.close())

  it('holds up no other', async () => {
    const profile = await openProfile(lab, {
      tier: 'keyed',
      notes: 20,
      pauseMs: 5,
      burst: 20,
      width: 1,
    })
    try {
      profile.server.publish('legacy')
      const tab = await profile.open()
      for (let times = 0; times < 6; times++) {
        const before = profile.server.told.size
        await profile.reload(tab)
        await expect.poll(() => profile.server.told.size, WAIT).toBeGreaterThan(before)
      }
      const { wrong, accepted } = await profile.verify()
      expect(wrong).toEqual([])
      expect(accepted).toBeGreaterThan(0)
    } finally {
      await profile.end()
    }
  }, 120_000)
})
