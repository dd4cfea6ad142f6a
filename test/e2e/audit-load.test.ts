import { describe, expect, it } from 'vitest'
import { runLoad } from '../support/audit-load.js'
import { isPresent } from '../support/presence.js'
import { chromium } from './support/chromium.js'

const isHere = isPresent('audits while two engines write', chromium.absence)

describe.runIf(isHere)('an audit of two engines that both write', () => {
  it('tells of the row that was spoilt meanwhile, and of no other', async () => {
    const o = { runs: 1, seed: 1, cards: 200, profiles: 1 }
    const { rounds, wrong } = await runLoad(chromium, o)
    expect(wrong).toEqual([])
    expect(rounds).toHaveLength(1)
  })
})
