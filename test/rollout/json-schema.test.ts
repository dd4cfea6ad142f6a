import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import schema from '../../schema/rollout.json' with { type: 'json' }
import { utf8 } from '../../src/lib/encode.js'
import { parseRollout } from '../../src/rollout/schema.js'
import { fullRollout, placesOf, rollouts, withAt } from '../support/documents.js'

const satisfies = new Ajv2020({ strict: false }).compile(schema)

/** What the schema's description says it can't say. */
const BEYOND =
  /must be (a name of its own|(null or )?the name of a|a text with a date|a regular expression)/

function refusalOf(document: unknown): string | null {
  try {
    parseRollout(utf8(JSON.stringify(document)))
    return null
  } catch (error) {
    return (error as Error).message
  }
}

/** What JSON leaves of a value. */
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const REPLACEMENTS: readonly unknown[] = [
  undefined,
  null,
  true,
  '',
  'é',
  'IN',
  '1.2',
  'v1.2.3',
  '(a',
  '2026-02-31T00:00Z',
  '2026-01-01T99:00Z',
  '1e3',
  'x'.repeat(257),
  '🎉'.repeat(200),
  -1,
  0,
  0.5,
  2,
  100_001,
  1e300,
  [],
  [''],
  {},
]

const mutants = fc
  .tuple(
    rollouts,
    fc.nat(),
    fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom(...REPLACEMENTS)),
  )
  .map(([rollout, pick, replacement]) => {
    const places = placesOf(rollout)
    return json(withAt(rollout, places[pick % places.length] ?? [], replacement) ?? null)
  })

/** Holds the two against each other, and answers whether the parser took the document. */
function compare(document: unknown): boolean {
  const refusal = refusalOf(document)
  const allowed = satisfies(document)
  if (refusal === null) expect(allowed, JSON.stringify(satisfies.errors)).toBe(true)
  else if (allowed) expect(refusal).toMatch(BEYOND)
  return refusal === null
}

test('the schema and the parser both take every rollout that is one', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(rollouts, (rollout) => {
      expect(refusalOf(rollout)).toBeNull()
      expect(satisfies(json(rollout)), JSON.stringify(satisfies.errors)).toBe(true)
    }),
    { numRuns: 200 },
  )
})

const LAW =
  'what the parser takes satisfies the schema, and what the schema takes is refused only for what no schema can say'

test(`${LAW}: each place of a full document, replaced`, { timeout: 60_000 }, () => {
  const full = fullRollout()
  const taken = placesOf(full).flatMap((place) =>
    REPLACEMENTS.map((replacement) => compare(json(withAt(full, place, replacement) ?? null))),
  )
  expect(new Set(taken)).toEqual(new Set([true, false]))
})

test(`${LAW}: any place of any document, replaced by anything`, { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(mutants, (document) => {
      compare(document)
    }),
    { numRuns: 500 },
  )
})
