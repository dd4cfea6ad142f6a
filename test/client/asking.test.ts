import { expect, test } from 'vitest'
import { createAsking } from '../../src/client/asking.js'
import type { PlannedSurvey, Rollout } from '../../src/model/rollout.js'
import { makeRollout } from '../support/rollout.js'

const withSurvey = (survey: Partial<PlannedSurvey>): (() => Rollout) => {
  const rollout = { ...makeRollout(), feedback: { survey: { id: 'one', kind: 'csat', ...survey } } }
  return () => rollout as Rollout
}

test('a survey comes up on its occasion, once a page', () => {
  const ask = createAsking(withSurvey({ after: 'switch' }), () => 'installation-1')
  expect(ask('start')).toBeNull()
  expect(ask('switch')).toMatchObject({ id: 'one', kind: 'csat' })
  expect(ask('switch')).toBeNull()
})

test('the start is the occasion where none is named', () => {
  expect(createAsking(withSurvey({}), () => 'installation-1')('start')).toMatchObject({ id: 'one' })
})

test('acknowledged operations are counted, whenever the rollout came', () => {
  let rollout: Rollout | null = null
  const ask = createAsking(
    () => rollout,
    () => 'installation-1',
  )
  expect(ask('acked')).toBeNull()
  rollout = withSurvey({ after: 'acked', count: 3 })()
  expect(ask('acked')).toBeNull()
  expect(ask('acked')).toMatchObject({ id: 'one' })
})

test('a share of the installations is asked, the same ones each time', () => {
  const rollout = withSurvey({ sample: 30_000 })
  const asked = Array.from({ length: 1_000 }, (_, at) =>
    createAsking(rollout, () => `i-${at}`)('start'),
  )
  const again = Array.from({ length: 1_000 }, (_, at) =>
    createAsking(rollout, () => `i-${at}`)('start'),
  )
  expect(asked.map(Boolean)).toEqual(again.map(Boolean))
  const share = asked.filter(Boolean).length / asked.length
  expect(share).toBeGreaterThan(0.25)
  expect(share).toBeLessThan(0.35)
})

test('without a rollout, or one without a survey, nobody is asked', () => {
  expect(
    createAsking(
      () => null,
      () => 'installation-1',
    )('start'),
  ).toBeNull()
  expect(
    createAsking(
      () => makeRollout(),
      () => 'installation-1',
    )('start'),
  ).toBeNull()
})
