import { describe, expect, it } from 'vitest'
import { runLoad } from '../support/audit-load.js'
import { isPresent } from '../support/presence.js'
import { chromium } from './support/chromium.js'

const isHere = isPresent('audits of two engines that write', chromium.absence)

describe.runIf(isHere)('an audit of the demo’s two engines while both write', () => {
  it('tells the one row that differs and no other', async () => {
    const { rounds, wrong } = await runLoad(chromium, { runs: 2, seed: 1, cards: 300 })
    expect(wrong).toEqual([])
    for (const { applied, compared } of rounds) {
      expect(applied).toBeGreaterThan(0)
      expect(compared).toBeGreaterThan(0)
    }
  })
})
