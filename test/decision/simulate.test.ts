import { describe, expect, test } from 'vitest'
import { simulate } from '../../src/decision/simulate.js'
import type { Subject } from '../../src/model/decision.js'
import { makeRollout } from '../support/rollout.js'

const NOW = 1_700_000_000_000
const COUNTRIES = ['nl', 'nl', 'nl', 'de', 'cn']

const SUBJECTS: readonly Subject[] = Array.from({ length: 20_000 }, (_, n) => ({
  id: `user-${n}`,
  attributes: {
    plan: n % 4 === 0 ? 'pro' : 'free',
    country: COUNTRIES[n % 5] ?? null,
    cards: n % 997,
  },
}))

const plan = [
  { name: 'one', share: 1_000 },
  { name: 'two', share: 10_000 },
  { name: 'three', share: 50_000, startAt: NOW + 1 },
]

const within = (count: number, expected: number): void => {
  expect(Math.abs(count - expected)).toBeLessThan(4 * Math.sqrt(expected))
}

describe('a simulation', () => {
  const simulation = simulate(
    makeRollout({ stages: plan, stage: 'two', deny: ['user-0'] }),
    SUBJECTS,
    NOW,
  )

  test('counts every subject under one reason', () => {
    const { reasons, refactored, subjects } = simulation
    expect(Object.values(reasons).reduce((sum, count) => sum + count, 0)).toBe(subjects)
    expect(reasons.DENIED).toBe(1)
    expect(refactored).toBe(reasons.IN_SHARE)
    within(refactored, 2_000)
  })

  test('looks ahead at each stage, and says which can not be certified', () => {
    const [one, two, three] = simulation.stages
    within(one?.refactored ?? 0, 200)
    expect(two?.refactored).toBe(simulation.refactored)
    within(three?.refactored ?? 0, 10_000)
    expect(simulation.stages.map(({ certifiable }) => certifiable)).toEqual([false, true, true])
    expect(three?.detectable).toBe(1)
  })

  test('looks ahead also while the rollout is killed or held', () => {
    const stopped = simulate(
      makeRollout({ stages: plan, stage: 'two', kill: true, admit: 'held', deny: ['user-0'] }),
      SUBJECTS,
      NOW,
    )
    expect(stopped.refactored).toBe(0)
    expect(stopped.stages).toEqual(simulation.stages)
  })

  test('finds a cohort drawn by hash representative in every attribute', () => {
    expect(simulation.attributes.map(({ attribute, skewed }) => [attribute, skewed])).toEqual([
      ['plan', false],
      ['country', false],
      ['cards', false],
    ])
    const country = simulation.attributes.find(({ attribute }) => attribute === 'country')
    expect(country?.strata.map(({ value, subjects }) => [value, subjects])).toEqual([
      ['nl', 12_000],
      ['de', 4_000],
      ['cn', 4_000],
    ])
    expect(country?.strata.every(({ covered }) => covered)).toBe(true)
  })
})

describe('a cohort that was targeted', () => {
  const rollout = makeRollout({
    segments: [
      { name: 'pro', constraints: [{ attribute: 'plan', operator: 'IN', values: ['pro'] }] },
      { name: 'large', constraints: [{ attribute: 'cards', operator: 'NUM_GT', value: '600' }] },
    ],
    stages: [{ name: 'all', share: 50_000, where: ['pro', 'large'] }],
  })
  const { attributes } = simulate(rollout, SUBJECTS, NOW)

  test('is skewed in what it was targeted by, and in nothing else', () => {
    expect(attributes.map(({ attribute, skewed }) => [attribute, skewed])).toEqual([
      ['plan', true],
      ['country', false],
      ['cards', true],
    ])
    const cards = attributes.find(({ attribute }) => attribute === 'cards')
    expect(cards?.means?.smd).toBeGreaterThan(0.3)
  })

  test('does not cover a large stratum that it leaves out', () => {
    const onlyPro = { ...rollout, stages: [{ name: 'all', share: 50_000, where: ['pro'] }] }
    const plan = simulate(onlyPro, SUBJECTS, NOW).attributes[0]
    expect(plan?.strata.map(({ value, covered }) => [value, covered])).toEqual([
      ['free', false],
      ['pro', true],
    ])
  })
})

test('nobody at all is simulated without a word about attributes', () => {
  expect(simulate(makeRollout(), [], NOW)).toMatchObject({
    subjects: 0,
    refactored: 0,
    attributes: [],
  })
})

test('an attribute that some do not have counts as a value of its own', () => {
  const subjects = [
    { id: 'a', attributes: { plan: 'pro' } },
    { id: 'b' },
    { id: 'c', attributes: { plan: null } },
  ]
  const [plan] = simulate(makeRollout(), subjects, NOW).attributes
  expect(plan?.strata).toMatchObject([
    { value: '(none)', subjects: 2 },
    { value: 'pro', subjects: 1 },
  ])
})
