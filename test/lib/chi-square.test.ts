import { describe, expect, test } from 'vitest'
import { chiSquareTail, logGamma } from '../../src/lib/chi-square.js'

/** For an even number of degrees the tail is a finite Poisson sum. */
function exactTail(x: number, df: number): number {
  let term = Math.exp(-x / 2)
  let sum = term
  for (let k = 1; k < df / 2; k++) {
    term *= x / 2 / k
    sum += term
  }
  return sum
}

describe('the tail of chi-square', () => {
  test('equals its closed form for even degrees of freedom', () => {
    for (const df of [2, 4, 6, 10, 20, 50]) {
      for (const x of [0.01, 0.5, 1, 3, 9, 20, 55, 120]) {
        const exact = exactTail(x, df)
        expect(Math.abs(chiSquareTail(x, df) - exact)).toBeLessThan(1e-12 + exact * 1e-9)
      }
    }
  })

  // Critical values as every table of the distribution prints them.
  test.each([
    [3.841, 1, 0.05],
    [6.635, 1, 0.01],
    [10.828, 1, 0.001],
    [7.815, 3, 0.05],
    [11.07, 5, 0.05],
    [21.666, 9, 0.01],
    [0.711, 4, 0.95],
  ])('above %d with %d degrees is %d', (x, df, p) => {
    expect(chiSquareTail(x, df)).toBeCloseTo(p, 4)
  })

  test('is certain where there is nothing to test', () => {
    expect(chiSquareTail(0, 3)).toBe(1)
    expect(chiSquareTail(5, 0)).toBe(1)
  })
})

test('the gamma function of whole numbers is a factorial', () => {
  let factorial = 1
  for (let n = 1; n < 20; n++) {
    expect(logGamma(n)).toBeCloseTo(Math.log(factorial), 10)
    factorial *= n
  }
  expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 12)
})
