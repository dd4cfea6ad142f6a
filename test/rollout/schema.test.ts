import { describe, expect, test } from 'vitest'
import schema from '../../schema/rollout.json' with { type: 'json' }
import { utf8 } from '../../src/lib/encode.js'
import { isGraySyncError } from '../../src/model/errors.js'
import { OPERATORS, type Rollout } from '../../src/model/rollout.js'
import { parseRollout } from '../../src/rollout/schema.js'
import { fullRollout, withAt } from '../support/documents.js'

const parse = (value: unknown): Rollout => parseRollout(utf8(JSON.stringify(value)))

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isGraySyncError(error) && error.code === 'ROLLOUT_SCHEMA') return error.message
    throw error
  }
  throw new Error('it was taken')
}

const at = (operator: string): string =>
  `segments.0.constraints.${OPERATORS.indexOf(operator as never)}`

const SHARE = 'an integer from 0 to 100000'
const TEXT = 'a text that is not empty'
const SAFE = Number.MAX_SAFE_INTEGER
const FLAG = 'true or false'
const PATTERN =
  'a regular expression of at most 256 characters, without look-around, back references or nested repeats'

/** Place, what is put there (undefined: nothing), what is wanted. */
const WRONG: readonly (readonly [string, unknown, string])[] = [
  ['', [], 'an object'],
  ['', null, 'an object'],
  ['schema', 2, '1'],
  ['schema', undefined, '1'],
  ['rollout', '', TEXT],
  ['rollout', undefined, TEXT],
  ['version', 0, `an integer from 1 to ${SAFE}`],
  ['version', 1.5, `an integer from 1 to ${SAFE}`],
  ['version', '7', `an integer from 1 to ${SAFE}`],
  ['issuedAt', -1, 'an integer from 0 to 8639999999999999'],
  ['issuedAt', '2026-01-01', 'an integer from 0 to 8639999999999999'],
  ['maxAgeMs', 0, `an integer from 1 to ${SAFE}`],
  ['onExpired', 'legacy', '"keep" or "hold"'],
  ['hash', undefined, 'an object'],
  ['hash.version', 2, '1'],
  ['hash.salt', '', TEXT],
  ['kill', 'true', FLAG],
  ['admit', 'closed', '"open" or "held"'],
  ['resetEpoch', -1, `an integer from 0 to ${SAFE}`],
  ['onShrink', true, '"keep" or "handover"'],
  ['segments', {}, 'a list'],
  ['segments', Array(257).fill({ name: 'x', constraints: [] }), 'a list of at most 256'],
  ['segments.0', 'pro', 'an object'],
  ['segments.0.name', 7, TEXT],
  ['segments.1.name', 'pro', 'a name of its own'],
  ['segments.0.constraints', undefined, 'a list'],
  ['segments.0.constraints.0', null, 'an object'],
  ['segments.0.constraints.0.attribute', '', TEXT],
  ['segments.0.constraints.0.operator', 'EQ', OPERATORS.map((one) => `"${one}"`).join(' or ')],
  ['segments.0.constraints.0.inverted', 1, FLAG],
  ['segments.0.constraints.0.caseInsensitive', null, FLAG],
  [`${at('IN')}.values`, undefined, 'a list'],
  [`${at('NOT_IN')}.values.1`, 7, TEXT],
  [`${at('STR_CONTAINS')}.values`, 'x', 'a list'],
  [`${at('NUM_EQ')}.value`, 'twelve', 'a text with a decimal number'],
  [`${at('NUM_LTE')}.value`, 12, 'a text with a decimal number'],
  [`${at('DATE_AFTER')}.value`, '31.1.2026', 'a text with a date and time of ISO 8601'],
  [`${at('DATE_BEFORE')}.value`, '2026-13-01T00:00Z', 'a text with a date and time of ISO 8601'],
  [`${at('SEMVER_GT')}.value`, 'v1.2', 'a text with a version of Semantic Versioning'],
  [`${at('REGEX')}.value`, '(a', PATTERN],
  [`${at('REGEX')}.value`, '(a+)+$', PATTERN],
  [`${at('REGEX')}.value`, 'a'.repeat(257), PATTERN],
  ['deny', 'user-1', 'a list'],
  ['deny.0', null, TEXT],
  ['allow', {}, 'a list'],
  ['allow.0', '', TEXT],
  ['preference', true, 'an object'],
  ['preference.optIn', 'yes', FLAG],
  ['preference.optOut', 0, FLAG],
  ['holdout', 0.05, SHARE],
  ['stage', undefined, 'null or the name of a stage, there are: one, two'],
  ['stage', 'three', 'null or the name of a stage, there are: one, two'],
  ['stages', undefined, 'a list'],
  ['stages.1', [], 'an object'],
  ['stages.0.name', '', TEXT],
  ['stages.1.name', 'one', 'a name of its own'],
  ['stages.0.share', 100_001, SHARE],
  ['stages.0.share', '10', SHARE],
  ['stages.0.startAt', -1, 'an integer from 0 to 8639999999999999'],
  ['stages.0.where', 'pro', 'a list'],
  ['stages.0.where.0', '', TEXT],
  ['stages.0.where.1', 'gone', 'the name of a segment, there are: pro, beta'],
  ['stages.1.probation', 7, 'an object'],
  ['stages.1.probation.days', -1, 'a number from 0 to 3650'],
  ['stages.1.probation.operations', 0.5, `an integer from 0 to ${SAFE}`],
  ['shadow', 1, 'an object'],
  ['shadow.share', undefined, SHARE],
  ['audit', [], 'an object'],
  ['audit.intervalMs', 0, `an integer from 1 to ${SAFE}`],
  ['audit.sample', 100_001, SHARE],
  ['telemetry', null, 'an object'],
  ['telemetry.sample', -1, SHARE],
  ['guardrails', 'off', 'an object'],
  ['feedback', ['csat'], 'an object'],
  ['feedback.survey', 'csat', 'an object'],
  ['feedback.survey.id', '', 'a text that is not empty'],
  ['feedback.survey.kind', 'ces', '"csat" or "nps"'],
  ['feedback.survey.after', 'lunch', '"start" or "switch" or "acked"'],
  ['feedback.survey.count', 0, 'an integer from 1 to 9007199254740991'],
  ['feedback.survey.sample', 100_001, 'an integer from 0 to 100000'],
  ['feedback.survey.coolDownDays', -1, 'an integer from 0 to 3650'],
  ['feedback.survey.most', 0, 'an integer from 1 to 100'],
]

const membersOf = (path: string): (string | number)[] =>
  path === ''
    ? []
    : path.split('.').map((member) => (/^\d+$/.test(member) ? Number(member) : member))

const inJsonPath = (path: string): string =>
  `$${membersOf(path)
    .map((member) => (typeof member === 'number' ? `[${member}]` : `.${member}`))
    .join('')}`

describe('a rollout document', () => {
  test('is taken with everything in it, unknown members included', () => {
    const document = { ...fullRollout(), later: { kept: true } }
    expect(parse(document)).toEqual(document)
  })

  test.each(WRONG)('is refused when %s is %j: must be %s', (path, value, want) => {
    const message = refusal(() => parse(withAt(fullRollout(), membersOf(path), value)))
    expect(message).toContain(`refused: ${inJsonPath(path)} must be ${want}, got `)
  })

  test('is refused when a stage names a segment and there is none', () => {
    const message = refusal(() => parse(withAt(fullRollout(), ['segments'], undefined)))
    expect(message).toContain('$.stages[0].where[0] must be the name of a segment, there are: none')
  })

  test('names what it got, and no more than a line of it', () => {
    expect(refusal(() => parse({ ...fullRollout(), kill: 'yes' }))).toMatch(/got "yes"$/)
    expect(refusal(() => parse({ ...fullRollout(), version: undefined }))).toMatch(/got nothing$/)
    const long = refusal(() => parse({ ...fullRollout(), kill: 'x'.repeat(10_000) }))
    expect(long.length).toBeLessThan(200)
  })

  test('has a wrong case in the table above for every member that the schema names', () => {
    const tried = new Set(WRONG.map(([path]) => path.replaceAll(/\.\d+/g, '[]').replace(/^\./, '')))
    expect(membersOfSchema(schema as Node, '').filter((path) => !tried.has(path))).toEqual([])
  })

  test.each([
    ['no JSON', utf8('{"schema":1')],
    ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['nothing', new Uint8Array()],
    ['nested too deep to be read', utf8('['.repeat(200_000))],
  ])('is refused when it is %s', (_, bytes) => {
    expect(refusal(() => parseRollout(bytes))).toContain('$ must be JSON in UTF-8')
  })

  test('does not reach into prototypes', () => {
    const document = JSON.stringify(fullRollout()).replace('{', '{"__proto__":{"kill":true},')
    parseRollout(utf8(document))
    expect(({} as { kill?: boolean }).kill).toBeUndefined()
    expect(
      refusal(() => parse(withAt(fullRollout(), [...membersOf(at('IN')), 'operator'], 'toString'))),
    ).toContain('operator')
  })
})

interface Node {
  $ref?: string
  properties?: Record<string, Node>
  items?: Node
}

function membersOfSchema(node: Node, path: string): string[] {
  const name = node.$ref?.split('/').at(-1)
  const target = name ? (schema.$defs[name as keyof typeof schema.$defs] as Node) : node
  const inner = Object.entries(target.properties ?? {}).flatMap(([member, child]) => [
    path === '' ? member : `${path}.${member}`,
    ...membersOfSchema(child, path === '' ? member : `${path}.${member}`),
  ])
  return target.items
    ? [...inner, `${path}[]`, ...membersOfSchema(target.items, `${path}[]`)]
    : inner
}
