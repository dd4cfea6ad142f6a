import { describe, expect, test } from 'vitest'
import { compareMeans, fitStrata } from '../../src/lib/sample.js'

/** Deterministic noise, so that a bound that holds today holds tomorrow. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe('the fit of a sample', () => {
  test('is perfect for the same proportions', () => {
    const fit = fitStrata([60, 30, 10], [600, 300, 100])
    expect(fit).toMatchObject({ chiSquare: 0, df: 2, p: 1, cramersV: 0 })
  })

  test('has the statistic that can be worked out by hand', () => {
    const fit = fitStrata([50, 30, 20], [1_000, 1_000, 2_000])
    // (50-25)^2/25 + (30-25)^2/25 + (20-50)^2/50
    expect(fit.chiSquare).toBeCloseTo(44, 10)
    expect(fit.cramersV).toBeCloseTo(Math.sqrt(44 / 200), 10)
    expect(fit.p).toBeLessThan(1e-9)
    const psi = [
      [50.5, 0.25],
      [30.5, 0.25],
      [20.5, 0.5],
    ].reduce((sum, [seen = 0, share = 0]) => {
      const drawn = seen / 101.5
      return sum + (drawn - share) * Math.log(drawn / share)
    }, 0)
    expect(fit.psi).toBeCloseTo(psi, 10)
  })

  test('merges strata too small to expect five in', () => {
    expect(fitStrata([90, 4, 3, 3], [9_000, 400, 300, 300]).df).toBe(1)
    expect(fitStrata([10], [100]).df).toBe(0)
    expect(fitStrata([], [])).toMatchObject({ df: 0, p: 1, cramersV: 0 })
  })

  test('calls about one in a hundred random samples odd at 1 %, by either test', () => {
    const random = randomOf(7)
    const odd = { chiSquare: 0, psi: 0 }
    const runs = 2_000
    for (let run = 0; run < runs; run++) {
      const seen = Array<number>(10).fill(0)
      for (let n = 0; n < 200; n++) {
        const at = Math.floor(random() * 10)
        seen[at] = (seen[at] ?? 0) + 1
      }
      const fit = fitStrata(seen, Array(10).fill(100_000))
      if (fit.p < 0.01) odd.chiSquare += 1
      if (fit.psiP < 0.01) odd.psi += 1
    }
    for (const count of Object.values(odd)) {
      expect(count / runs).toBeGreaterThan(0.003)
      expect(count / runs).toBeLessThan(0.02)
    }
  })
})

describe('the difference of means', () => {
  test('is counted in standard deviations, with the noise of the sizes', () => {
    const { smd, noise } = compareMeans([2, 4, 6], [1, 3, 5])
    expect(smd).toBeCloseTo(0.5, 10)
    expect(noise).toBeCloseTo(1.96 * Math.sqrt(2 / 3), 10)
  })

  test('is nothing where one group is empty or nothing varies', () => {
    expect(compareMeans([], [1, 2])).toEqual({ smd: 0, noise: Number.POSITIVE_INFINITY })
    expect(compareMeans([3, 3], [3, 3]).smd).toBe(0)
  })
})
