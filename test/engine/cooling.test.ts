import { describe, expect, it } from 'vitest'
import { COOLING_MS, cool } from '../../src/engine/cooling.js'

const DAY = 86_400_000
const NOW = 1_700_000_000_000

describe('what cools', () => {
  it('takes an hour, a day and a week', () => {
    expect(COOLING_MS.map((ms) => ms / 3_600_000)).toEqual([1, 24, 168])
  })

  it.each([
    ['the time that a page ran, while upstream was never heard', null, null, 1_000, 9_000],
    ['no time at all, while upstream is not heard any more', NOW, null, 1_000, 10_000],
    ['what upstream’s clock shows, once it is heard again', NOW, NOW + 4_000, 1_000, 6_000],
    ['the time that a page ran, at the first contact', null, NOW, 1_000, 9_000],
    ['no time at all, where upstream’s clock went back', NOW, NOW - DAY, 1_000, 10_000],
    ['at most what is left', NOW, NOW + 30 * DAY, 1_000, 0],
  ])('counts %s', (_, before, heardAt, ranMs, left) => {
    expect(cool({ coolMs: 10_000, heardAt: before }, { heardAt, ranMs }).coolMs).toBe(left)
  })

  it('counts no time twice after upstream’s clock went back and came again', () => {
    let cooling = { coolMs: DAY, heardAt: NOW as number | null }
    for (const heardAt of [NOW + 1_000, NOW - 30 * DAY, NOW + 1_000, NOW - DAY, NOW + 2_000]) {
      cooling = cool(cooling, { heardAt, ranMs: 500 })
    }
    expect(cooling).toEqual({ coolMs: DAY - 2_000, heardAt: NOW + 2_000 })
  })
})
