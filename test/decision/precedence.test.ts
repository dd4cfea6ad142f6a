import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bucketOf, isInShare } from '../../src/decision/bucket.js'
import { compileRollout, decide } from '../../src/decision/decide.js'
import { type DecisionInput, REASONS, type Reason } from '../../src/model/decision.js'
import type { Rollout } from '../../src/model/rollout.js'
import { inputs, makeInput, rollouts } from '../support/documents.js'
import { makeRollout } from '../support/rollout.js'

/** What makes one rule apply, as changes of a rollout and of an input that apply to nobody by themselves. */
interface Condition {
  rollout?: (rollout: Rollout) => Rollout
  input?: Partial<DecisionInput>
}

const ID = 'user-1'
const SEGMENT = {
  name: 'nobody',
  constraints: [{ attribute: 'x', operator: 'IN' as const, values: ['y'] }],
}

/** Rules 13 and 14 have two reasons each; NO_ROLLOUT is apart, since it takes the document away. */
const CONDITIONS: Readonly<Record<Reason, Condition>> = {
  NO_ROLLOUT: {},
  KILLED: { rollout: (rollout) => ({ ...rollout, kill: true }) },
  ROLLED_BACK: { input: { rolledBack: true } },
  UNSUPPORTED: { input: { supported: false, owner: 'legacy' } },
  OVERRIDDEN: { input: { override: 'refactored' } },
  DENIED: { rollout: (rollout) => ({ ...rollout, deny: [ID] }) },
  OPTED_OUT: { input: { preference: 'legacy' } },
  ALLOWED: { rollout: (rollout) => ({ ...rollout, allow: [ID] }) },
  OPTED_IN: { input: { preference: 'refactored' } },
  KEPT: { input: { owner: 'refactored' } },
  HELD_OUT: { rollout: (rollout) => ({ ...rollout, holdout: 100_000 }) },
  BEFORE_FIRST_STAGE: { rollout: (rollout) => ({ ...rollout, stage: null }) },
  NOT_TARGETED: {
    rollout: (rollout) => ({
      ...rollout,
      segments: [SEGMENT],
      stages: rollout.stages.map((stage) => ({ ...stage, where: ['nobody'] })),
    }),
  },
  NOT_ADMITTED: {
    rollout: (rollout) => ({ ...rollout, admit: 'held' }),
    input: { owner: 'legacy' },
  },
  IN_SHARE: { rollout: (rollout) => withShare(rollout, 100_000) },
  OUT_OF_SHARE: { rollout: (rollout) => withShare(rollout, 0) },
}

/** Pairs that no device can be in, with the reason why. */
const UNSATISFIABLE: readonly (readonly [Reason, Reason, string])[] = [
  ['UNSUPPORTED', 'KEPT', 'a profile is on one engine'],
  ['KEPT', 'NOT_ADMITTED', 'a profile is on one engine'],
  ['OPTED_OUT', 'OPTED_IN', 'a user has one preference'],
  ['IN_SHARE', 'OUT_OF_SHARE', 'a bucket is on one side'],
]

const MOVES_TO_REFACTORED: readonly Reason[] = [
  'OVERRIDDEN',
  'ALLOWED',
  'OPTED_IN',
  'KEPT',
  'IN_SHARE',
]

function withShare(rollout: Rollout, share: number): Rollout {
  return { ...rollout, stages: rollout.stages.map((stage) => ({ ...stage, share })) }
}

function meet(...reasons: readonly Reason[]): { rollout: Rollout | null; input: DecisionInput } {
  const base: Rollout = makeRollout({ stage: 'all', stages: [{ name: 'all', share: 50_000 }] })
  const conditions = reasons.map((reason) => CONDITIONS[reason])
  const rollout = conditions.reduce((made, { rollout }) => rollout?.(made) ?? made, base)
  const input = makeInput(Object.assign({}, ...conditions.map((condition) => condition.input)))
  return { rollout: reasons.includes('NO_ROLLOUT') ? null : rollout, input }
}

const isSatisfiable = (a: Reason, b: Reason): boolean =>
  !UNSATISFIABLE.some(([x, y]) => (x === a && y === b) || (x === b && y === a))

const PAIRS = REASONS.flatMap((earlier, at) =>
  REASONS.slice(at + 1)
    .filter((later) => isSatisfiable(earlier, later))
    .map((later) => [earlier, later] as const),
)

describe('the order of the rules', () => {
  test.each(REASONS)('%s decides where it applies alone', (reason) => {
    const { rollout, input } = meet(reason)
    const decision = decide(rollout, input)
    expect(decision.reason).toBe(reason)
    expect(decision.engine).toBe(MOVES_TO_REFACTORED.includes(reason) ? 'refactored' : 'legacy')
  })

  test.each(PAIRS)('%s goes before %s where both apply', (earlier, later) => {
    const { rollout, input } = meet(earlier, later)
    expect(decide(rollout, input).reason).toBe(earlier)
  })

  test('has every satisfiable pair in the list above', () => {
    expect(PAIRS).toHaveLength((REASONS.length * (REASONS.length - 1)) / 2 - UNSATISFIABLE.length)
  })

  test('is the one written down, for any rollout and any device', () => {
    fc.assert(
      fc.property(rollouts, inputs, (rollout, input) => {
        const decision = compileRollout(rollout)(input)
        expect(decision.reason).toBe(firstOf(rollout, input, decision.stage))
      }),
      { numRuns: 500 },
    )
  }, 60_000)
})

/** The rules once more, as sentences; targeting is asked of the decision's own stage with the rest switched off. */
function firstOf(
  rollout: Rollout,
  input: DecisionInput,
  stageName: string | null,
): Reason | undefined {
  const { salt } = rollout.hash
  const stage = rollout.stages.find(({ name }) => name === stageName)
  const isNew = input.owner === 'legacy'
  const isStale = input.now > rollout.issuedAt + (rollout.maxAgeMs ?? Number.POSITIVE_INFINITY)
  const applies: Readonly<Record<Reason, boolean>> = {
    NO_ROLLOUT: false,
    KILLED: rollout.kill === true,
    ROLLED_BACK: input.rolledBack,
    UNSUPPORTED: !input.supported && isNew,
    OVERRIDDEN: input.override !== null,
    DENIED: rollout.deny?.includes(input.subject.id) === true,
    OPTED_OUT: input.preference === 'legacy' && rollout.preference?.optOut !== false,
    ALLOWED: rollout.allow?.includes(input.subject.id) === true,
    OPTED_IN: input.preference === 'refactored' && rollout.preference?.optIn !== false,
    KEPT: !isNew && rollout.onShrink !== 'handover',
    HELD_OUT: isInShare(bucketOf(`${salt}/holdout`, input.subject.id), rollout.holdout ?? 0),
    BEFORE_FIRST_STAGE: stage === undefined,
    NOT_TARGETED: !isTargeted(rollout, input, stageName),
    NOT_ADMITTED: isNew && (rollout.admit === 'held' || (isStale && rollout.onExpired === 'hold')),
    IN_SHARE: isInShare(bucketOf(salt, input.subject.id), stage?.share ?? 0),
    OUT_OF_SHARE: true,
  }
  return REASONS.find((reason) => applies[reason])
}

function isTargeted(rollout: Rollout, input: DecisionInput, stage: string | null): boolean {
  const { segments, hash, stages } = rollout
  const bare = makeRollout({ ...(segments && { segments }), hash, stages, stage })
  return (
    decide(bare, makeInput({ subject: input.subject, now: input.now })).reason !== 'NOT_TARGETED'
  )
}
