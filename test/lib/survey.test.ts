import { expect, test } from 'vitest'
import { scoreCsat, scoreNps } from '../../src/rollout.js'

test.each([
  [[], null],
  [[1, 2, 3], 0],
  [[4], 1],
  [[5, 4, 3, 1], 0.5],
])('of %j so many are satisfied: %d', (answers, score) => {
  expect(scoreCsat(answers)).toEqual({ answers: answers.length, score })
})

test.each([
  [[], null],
  [[9, 10], 1],
  [[0, 6], -1],
  [[7, 8], 0],
  [[10, 9, 8, 0], 0.25],
])('of %j promoters less detractors are %d', (answers, score) => {
  expect(scoreNps(answers)).toEqual({ answers: answers.length, score })
})
