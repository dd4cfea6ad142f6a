import { describe, expect, test } from 'vitest'
import { compileRollout, decide } from '../../src/decision/decide.js'
import { type Decision, type DecisionInput, REASONS } from '../../src/model/decision.js'
import type { Rollout } from '../../src/model/rollout.js'
import { makeInput } from '../support/documents.js'
import { makeRollout } from '../support/rollout.js'

const DAY = 86_400_000
const NOW = makeInput().now

const decideWith = (rollout: Partial<Rollout>, input: Partial<DecisionInput> = {}): Decision =>
  decide(makeRollout(rollout), makeInput(input))

describe('without a usable rollout', () => {
  test.each(['legacy', 'refactored'] as const)('a profile on %s stays there', (owner) => {
    const decision = decide(
      null,
      makeInput({ owner, preference: 'refactored', override: 'refactored' }),
    )
    expect(decision).toMatchObject({
      engine: owner,
      reason: 'NO_ROLLOUT',
      arm: 'none',
      rollout: null,
      version: null,
      stage: null,
      bucket: null,
    })
    expect(decision.explain()).toEqual([{ rule: 'NO_ROLLOUT', answer: true }])
  })
})

describe('a kill', () => {
  test('beats every other choice, and moves those already on refactored', () => {
    const everything = {
      owner: 'refactored',
      preference: 'refactored',
      override: 'refactored',
    } as const
    expect(decideWith({ kill: true, allow: ['user-1'] }, everything)).toMatchObject({
      engine: 'legacy',
      reason: 'KILLED',
    })
  })
})

describe('a device that can not run refactored', () => {
  test('stays on legacy, and an owner of refactored is not moved by it', () => {
    expect(decideWith({}, { supported: false }).reason).toBe('UNSUPPORTED')
    expect(decideWith({}, { supported: false, owner: 'refactored' }).reason).toBe('KEPT')
  })
})

describe('a developer', () => {
  test('picks either engine', () => {
    expect(decideWith({}, { override: 'legacy' }).engine).toBe('legacy')
    expect(decideWith({ stage: null }, { override: 'refactored' }).engine).toBe('refactored')
  })
})

describe('a preference', () => {
  test('counts in the directions that the rollout offers', () => {
    const none = { stage: null }
    expect(decideWith(none, { preference: 'refactored' }).reason).toBe('OPTED_IN')
    expect(decideWith({}, { preference: 'legacy' }).reason).toBe('OPTED_OUT')
    const closed = { preference: { optIn: false, optOut: false } }
    expect(decideWith({ ...none, ...closed }, { preference: 'refactored' }).reason).toBe(
      'BEFORE_FIRST_STAGE',
    )
    expect(decideWith(closed, { preference: 'legacy' }).reason).toBe('IN_SHARE')
  })
})

describe('who is on refactored already', () => {
  const owner = 'refactored'
  const shrunk = { stages: [{ name: 'all', share: 0 }] }

  test.each<[string, Partial<Rollout>]>([
    ['the share shrinks', shrunk],
    ['admission is held', { admit: 'held' }],
    ['the rollout expires', { onExpired: 'hold', maxAgeMs: 1, issuedAt: 0 }],
    ['the stage is taken back', { stage: null }],
    ['a holdout is drawn', { holdout: 100_000 }],
  ])('is kept when %s', (_, rollout) => {
    expect(decideWith(rollout, { owner })).toMatchObject({ engine: 'refactored', reason: 'KEPT' })
  })

  test('goes back when the share shrinks and a handover is asked for', () => {
    expect(decideWith({ ...shrunk, onShrink: 'handover' }, { owner })).toMatchObject({
      engine: 'legacy',
      reason: 'OUT_OF_SHARE',
    })
  })

  test.each<Partial<Rollout>>([{ admit: 'held' }, { onExpired: 'hold', maxAgeMs: 1, issuedAt: 0 }])(
    'is not sent back by a hold, even where a share that shrinks would: %j',
    (rollout) => {
      expect(decideWith({ ...rollout, onShrink: 'handover' }, { owner }).engine).toBe('refactored')
    },
  )
})

describe('age', () => {
  const aged = { maxAgeMs: DAY, issuedAt: NOW - DAY }

  test('makes a rollout stale a millisecond after its time, and changes nothing by itself', () => {
    expect(decideWith(aged)).toMatchObject({ stale: false, reason: 'IN_SHARE' })
    expect(decideWith(aged, { now: NOW + 1 })).toMatchObject({ stale: true, reason: 'IN_SHARE' })
    expect(decideWith({ issuedAt: 0 }, { now: NOW + 45 * DAY }).stale).toBe(false)
  })

  test('admits nobody new where the rollout says hold', () => {
    const hold = { ...aged, onExpired: 'hold' as const }
    expect(decideWith(hold).reason).toBe('IN_SHARE')
    expect(decideWith(hold, { now: NOW + 1 })).toMatchObject({
      engine: 'legacy',
      reason: 'NOT_ADMITTED',
    })
  })

  test('and cache are told beside the reason', () => {
    expect(decideWith(aged, { cached: true, now: NOW + 1 })).toMatchObject({
      cached: true,
      stale: true,
      reason: 'IN_SHARE',
    })
  })
})

describe('stages', () => {
  const stages = [
    { name: 'one', share: 0, startAt: NOW },
    { name: 'two', share: 100_000, startAt: NOW + DAY },
    { name: 'three', share: 100_000 },
  ]

  test('are in force from their start, the one before until then', () => {
    const at = (now: number) => decideWith({ stages, stage: 'two' }, { now })
    expect(at(NOW - 1)).toMatchObject({ reason: 'BEFORE_FIRST_STAGE', stage: null, share: null })
    expect(at(NOW)).toMatchObject({ reason: 'OUT_OF_SHARE', stage: 'one', share: 0 })
    expect(at(NOW + DAY - 1).stage).toBe('one')
    expect(at(NOW + DAY)).toMatchObject({ reason: 'IN_SHARE', stage: 'two', share: 100_000 })
  })

  test('after the active one are a plan only', () => {
    expect(decideWith({ stages, stage: 'one' }, { now: NOW + 9 * DAY }).stage).toBe('one')
  })
})

describe('targeting', () => {
  const segments = [
    { name: 'pro', constraints: [{ attribute: 'plan', operator: 'IN' as const, values: ['pro'] }] },
    {
      name: 'small',
      constraints: [
        { attribute: 'cards', operator: 'NUM_LT' as const, value: '100' },
        { attribute: 'country', operator: 'IN' as const, values: ['nl'] },
      ],
    },
  ]
  const reasonFor = (where: string[], attributes: Record<string, string | number>) =>
    decideWith(
      { segments, stages: [{ name: 'all', share: 100_000, where }] },
      { subject: { id: 'user-1', attributes } },
    ).reason

  test('takes whom one of the segments holds with all its constraints', () => {
    expect(reasonFor(['pro', 'small'], { plan: 'pro' })).toBe('IN_SHARE')
    expect(reasonFor(['pro', 'small'], { cards: 7, country: 'nl' })).toBe('IN_SHARE')
    expect(reasonFor(['pro', 'small'], { cards: 7, country: 'de' })).toBe('NOT_TARGETED')
    expect(reasonFor(['pro'], { cards: 7, country: 'nl' })).toBe('NOT_TARGETED')
    expect(reasonFor([], {})).toBe('IN_SHARE')
  })
})

describe('the arm', () => {
  test.each<[string, Decision['arm'], Partial<Rollout>, Partial<DecisionInput>]>([
    ['in the share', 'candidate', {}, {}],
    ['out of the share', 'control', { stages: [{ name: 'all', share: 0 }] }, {}],
    ['held out', 'control', { holdout: 100_000 }, {}],
    ['kept', 'candidate', {}, { owner: 'refactored' }],
    [
      'kept although the share shrank',
      'control',
      { stages: [{ name: 'all', share: 0 }] },
      { owner: 'refactored' },
    ],
    ['rolled back', 'candidate', {}, { rolledBack: true }],
    ['killed', 'candidate', { kill: true }, {}],
    ['allowed', 'none', { allow: ['user-1'] }, {}],
    ['denied', 'none', { deny: ['user-1'] }, {}],
    ['opted in', 'none', {}, { preference: 'refactored' }],
    ['opted out', 'none', {}, { preference: 'legacy' }],
    ['opted out and killed', 'none', { kill: true }, { preference: 'legacy' }],
    ['overridden', 'none', {}, { override: 'refactored' }],
    ['unsupported', 'none', {}, { supported: false }],
    ['not admitted', 'none', { admit: 'held' }, {}],
    ['before the first stage', 'none', { stage: null }, {}],
  ])('of a device that is %s is %s', (_, arm, rollout, input) => {
    expect(decideWith(rollout, input).arm).toBe(arm)
  })
})

describe('an explanation', () => {
  test('lists every rule up to the deciding one, which alone says yes', () => {
    const decision = decideWith({
      holdout: 1,
      segments: [{ name: 'all', constraints: [] }],
      stages: [{ name: 'all', share: 50_000, where: ['all'] }],
    })
    const explained = decision.explain()
    expect(explained.map(({ rule }) => rule)).toEqual(
      REASONS.slice(0, REASONS.indexOf(decision.reason) + 1),
    )
    expect(explained.filter(({ answer }) => answer).map(({ rule }) => rule)).toEqual([
      decision.reason,
    ])
    const details = Object.fromEntries(explained.map(({ rule, detail }) => [rule, detail]))
    expect(details).toMatchObject({
      HELD_OUT: 'holdout 1 of 100000',
      BEFORE_FIRST_STAGE: 'stage all',
      NOT_TARGETED: 'where all',
      NOT_ADMITTED: 'admit open, fresh',
      IN_SHARE: `bucket ${decision.bucket}, share 50000 ends at 2147483648`,
    })
  })

  test('says what a held and stale rollout would have targeted', () => {
    const decision = decideWith({ onExpired: 'hold', maxAgeMs: 1, issuedAt: 0 })
    expect(decision.explain().slice(-2)).toEqual([
      { rule: 'NOT_TARGETED', answer: false, detail: 'where everybody' },
      { rule: 'NOT_ADMITTED', answer: true, detail: 'admit open, stale' },
    ])
  })
})

test('a compiled rollout decides like one compiled for each decision', () => {
  const rollout = makeRollout({ stages: [{ name: 'all', share: 30_000 }] })
  const compiled = compileRollout(rollout)
  for (let n = 0; n < 200; n++) {
    const input = makeInput({ subject: { id: `user-${n}` } })
    const { explain: _a, ...once } = compiled(input)
    const { explain: _b, ...each } = decide(rollout, input)
    expect(once).toEqual(each)
  }
})
