import fc from 'fast-check'
import type { DecisionInput } from '../../src/model/decision.js'
import { type Constraint, OPERATORS, type Operator, type Rollout } from '../../src/model/rollout.js'

/** A fresh profile; every part can be replaced. */
export function makeInput(change: Partial<DecisionInput> = {}): DecisionInput {
  return {
    subject: { id: 'user-1' },
    now: 1_700_000_000_000,
    owner: 'legacy',
    preference: null,
    rolledBack: false,
    supported: true,
    override: null,
    cached: false,
    ...change,
  }
}

/** A rollout with everything in it. */
export function fullRollout(): Rollout {
  return {
    schema: 1,
    rollout: 'sync-engine',
    version: 7,
    issuedAt: 1_700_000_000_000,
    maxAgeMs: 86_400_000,
    onExpired: 'hold',
    hash: { version: 1, salt: 'salt' },
    kill: false,
    admit: 'open',
    resetEpoch: 2,
    onShrink: 'keep',
    segments: [
      {
        name: 'pro',
        constraints: OPERATORS.map((operator) => ({
          attribute: 'plan',
          operator,
          inverted: false,
          caseInsensitive: true,
          ...operandOf(operator),
        })),
      },
      { name: 'beta', constraints: [] },
    ],
    deny: ['a'],
    allow: ['b'],
    preference: { optIn: true, optOut: false },
    holdout: 5_000,
    stage: 'one',
    stages: [
      { name: 'one', share: 10_000, startAt: 1, where: ['pro', 'beta'] },
      { name: 'two', share: 50_000, probation: { days: 7, operations: 100 } },
    ],
    shadow: { share: 1_000 },
    audit: { intervalMs: 3_600_000, sample: 10_000 },
    telemetry: { sample: 100_000 },
    guardrails: { errorRate: 0.005 },
    feedback: {
      survey: {
        id: 'after-switch',
        kind: 'csat',
        after: 'acked',
        count: 5,
        sample: 50_000,
        coolDownDays: 14,
        most: 1,
      },
    },
  }
}

function operandOf(operator: Operator): Pick<Constraint, 'value' | 'values'> {
  if (operator.startsWith('NUM_')) return { value: '-12.5' }
  if (operator.startsWith('DATE_')) return { value: '2026-01-31T12:00:00.000+02:00' }
  if (operator.startsWith('SEMVER_')) return { value: '5.7.0-beta.1' }
  return operator === 'REGEX' ? { value: '^a(b|c)?$' } : { values: ['x', 'y'] }
}

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
const share = fc.integer({ min: 0, max: 100_000 })
const instant = fc.integer({ min: 0, max: 8.64e15 - 1 })
const names = (max: number) => fc.uniqueArray(text, { maxLength: max })

const constraint: fc.Arbitrary<Constraint> = fc.constantFrom(...OPERATORS).chain((operator) =>
  fc
    .tuple(
      fc.record(
        {
          attribute: text,
          operator: fc.constant(operator),
          inverted: fc.boolean(),
          caseInsensitive: fc.boolean(),
        },
        { requiredKeys: ['attribute', 'operator'] },
      ),
      operands(operator),
    )
    .map(([shape, operand]) => ({ ...shape, ...operand })),
)

function operands(operator: Operator): fc.Arbitrary<Pick<Constraint, 'value' | 'values'>> {
  const dates = fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
  const values: Record<string, fc.Arbitrary<string>> = {
    NUM: fc.integer().map(String),
    DATE: dates.map((at) => at.toISOString()),
    SEMVER: fc.tuple(fc.nat(), fc.nat(), fc.nat()).map((parts) => parts.join('.')),
    REGEX: fc.stringMatching(/^[a-z]{0,9}$/),
  }
  const value = values[operator.split('_')[0] ?? '']
  return value ? fc.record({ value }) : fc.record({ values: fc.array(text, { maxLength: 4 }) })
}

/** Any rollout that a parser takes. */
export const rollouts: fc.Arbitrary<Rollout> = fc
  .tuple(names(3), fc.uniqueArray(text, { minLength: 1, maxLength: 4 }))
  .chain(([segments, stages]) =>
    fc.record(
      {
        schema: fc.constant(1 as const),
        rollout: text,
        version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        issuedAt: instant,
        maxAgeMs: fc.integer({ min: 1 }),
        onExpired: fc.constantFrom('keep' as const, 'hold' as const),
        hash: fc.record({ version: fc.constant(1 as const), salt: text }),
        kill: fc.boolean(),
        admit: fc.constantFrom('open' as const, 'held' as const),
        resetEpoch: fc.nat(),
        onShrink: fc.constantFrom('keep' as const, 'handover' as const),
        segments: fc.tuple(
          ...segments.map((name) =>
            fc.record({
              name: fc.constant(name),
              constraints: fc.array(constraint, { maxLength: 3 }),
            }),
          ),
        ),
        deny: names(3),
        allow: names(3),
        preference: fc.record({ optIn: fc.boolean(), optOut: fc.boolean() }, { requiredKeys: [] }),
        holdout: share,
        stage: fc.constantFrom(null, ...stages),
        stages: fc.tuple(
          ...stages.map((name) =>
            fc.record(
              { name: fc.constant(name), share, startAt: instant, where: fc.subarray(segments) },
              { requiredKeys: ['name', 'share'] },
            ),
          ),
        ),
        shadow: fc.record({ share }),
        audit: fc.record({ intervalMs: fc.integer({ min: 1 }), sample: share }),
        telemetry: fc.record({ sample: share }),
        guardrails: fc.dictionary(text, fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 }),
        feedback: fc.record(
          { survey: fc.record({ id: text, kind: fc.constantFrom('csat', 'nps') }) },
          { requiredKeys: [] },
        ),
      },
      {
        requiredKeys: [
          'schema',
          'rollout',
          'version',
          'issuedAt',
          'hash',
          'stage',
          'stages',
          ...(segments.length > 0 ? (['segments'] as const) : []),
        ],
      },
    ),
  ) as fc.Arbitrary<Rollout>

export const inputs: fc.Arbitrary<DecisionInput> = fc.record({
  subject: fc.record({
    id: fc.oneof(text, fc.uuid()),
    attributes: fc.dictionary(
      text,
      fc.oneof(text, fc.double(), fc.boolean(), fc.constant(null), fc.array(text)),
    ),
  }),
  now: instant,
  owner: fc.constantFrom('legacy' as const, 'refactored' as const),
  preference: fc.constantFrom(null, 'legacy' as const, 'refactored' as const),
  rolledBack: fc.boolean(),
  supported: fc.boolean(),
  override: fc.constantFrom(null, 'legacy' as const, 'refactored' as const),
  cached: fc.boolean(),
})

/** Every place of a JSON value, as the members that lead there. */
export function placesOf(
  value: unknown,
  path: readonly (string | number)[] = [],
): (string | number)[][] {
  const inner =
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([name, member]) =>
          placesOf(member, [...path, Array.isArray(value) ? Number(name) : name]),
        )
      : []
  return [[...path], ...inner]
}

/** A copy with another value at a place; `undefined` takes the member away. */
export function withAt(
  value: unknown,
  path: readonly (string | number)[],
  replacement: unknown,
): unknown {
  const [head, ...rest] = path
  if (head === undefined) return replacement
  const copy = structuredClone(value) as Record<string | number, unknown>
  if (rest.length === 0 && replacement === undefined) {
    if (Array.isArray(copy)) copy.splice(Number(head), 1)
    else delete copy[head]
  } else copy[head] = withAt(copy[head], rest, replacement)
  return copy
}
