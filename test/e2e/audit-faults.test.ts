import { describe, expect, it } from 'vitest'
import { createRandom } from '../consistency/random.js'
import { runFaults } from '../support/audit-faults.js'
import { isPresent } from '../support/presence.js'
import { chromium } from './support/chromium.js'

const SEED = 1
const isHere = isPresent('kills in the middle of audits', chromium.absence)

describe.runIf(isHere)('a browser that is killed while it writes and audits', () => {
  it('tells in its next life exactly what differs', async () => {
    const random = createRandom(SEED)
    const result = await runFaults(chromium, { kills: 6, draw: () => random.below(1_000) / 1_000 })
    expect(result.missed).toEqual([])
    expect(result.differing).toBeGreaterThan(0)
  })
})
