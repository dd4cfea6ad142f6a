import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterAll, describe, expect, test } from 'vitest'
import { compileConstraint } from '../../src/decision/condition.js'
import { murmur3 } from '../../src/lib/murmur.js'
import type { Constraint, Operator } from '../../src/model/rollout.js'

/** The parts of the suite that speak of what a rollout has: constraints, lists of ids, and shares by hash. */
const FILES = [
  '01-simple-examples',
  '02-user-with-id-strategy',
  '03-gradual-rollout-user-id-strategy',
  '04-gradual-rollout-session-id-strategy',
  '05-gradual-rollout-random-strategy',
  '07-multiple-strategies',
  '09-strategy-constraints',
  '10-flexible-rollout-strategy',
  '11-strategy-constraints-edge-cases',
  '12-custom-stickiness',
  '13-constraint-operators',
  '14-constraint-semver-operators',
  '15-global-constraints',
  '21-regex-constraint-operators',
]

type Context = Record<string, string | undefined | Record<string, string | null>>

interface GivenConstraint {
  contextName: string
  operator: string
  value?: string
  values?: string[]
  inverted?: boolean
  caseInsensitive?: boolean
}

interface Strategy {
  name: string
  parameters?: Record<string, string>
  constraints?: GivenConstraint[]
  segments?: number[]
}

interface Suite {
  state: {
    features: { name: string; enabled: boolean; strategies?: Strategy[] }[]
    segments?: { id: number; constraints: GivenConstraint[] }[]
  }
  tests: { description: string; context: Context; toggleName: string; expectedResult: boolean }[]
}

const require = createRequire(import.meta.url)

function readSuite(name: string): Suite {
  const file = require.resolve(`@unleash/client-specification/specifications/${name}.json`)
  return JSON.parse(readFileSync(file, 'utf8')) as Suite
}

/** Our constraints with Unleash's context; strategies in Unleash's words over our hash. */
function isEnabled(suite: Suite, toggle: string, context: Context): boolean {
  const feature = suite.state.features.find(({ name }) => name === toggle)
  if (!feature?.enabled) return false
  const { strategies = [] } = feature
  return strategies.length === 0 || strategies.some((one) => applies(suite, one, context))
}

function applies(suite: Suite, strategy: Strategy, context: Context): boolean {
  const { properties, ...fields } = context
  const attributes = { ...fields, ...(properties as object) } as Record<string, string>
  const segments = (strategy.segments ?? []).map((id) =>
    suite.state.segments?.find((segment) => segment.id === id),
  )
  if (segments.includes(undefined)) return false
  const constraints = [
    ...(strategy.constraints ?? []),
    ...segments.flatMap((segment) => segment?.constraints ?? []),
  ]
  return (
    constraints.every((one) => compileConstraint(toConstraint(one))(attributes, Date.now())) &&
    isTaken(strategy, attributes)
  )
}

function toConstraint({ contextName, operator, ...rest }: GivenConstraint): Constraint {
  return { attribute: contextName, operator: operator as Operator, ...rest }
}

function isTaken({ name, parameters = {} }: Strategy, fields: Record<string, string>): boolean {
  const { groupId, rollout, stickiness = 'default', percentage, userIds } = parameters
  switch (name) {
    case 'default':
      return true
    case 'userWithId':
      return (userIds ?? '').split(/\s*,\s*/).includes(fields.userId ?? '')
    case 'gradualRolloutUserId':
      return isBelow(fields.userId, groupId, percentage)
    case 'gradualRolloutSessionId':
      return isBelow(fields.sessionId, groupId, percentage)
    case 'gradualRolloutRandom':
      return isBelow(crypto.randomUUID(), groupId, percentage)
    case 'flexibleRollout': {
      const sticky =
        stickiness === 'default'
          ? (fields.userId ?? fields.sessionId ?? crypto.randomUUID())
          : fields[stickiness]
      return isBelow(sticky, groupId, rollout)
    }
    default:
      return false
  }
}

function isBelow(id: string | undefined, group = '', percentage = '0'): boolean {
  return id !== undefined && (murmur3(`${group}:${id}`) % 100) + 1 <= Number(percentage)
}

describe("Unleash's client specification", () => {
  let passed = 0
  for (const name of FILES) {
    const suite = readSuite(name)
    test.each(suite.tests)(`${name}: $description`, ({ toggleName, context, expectedResult }) => {
      expect(isEnabled(suite, toggleName, context)).toBe(expectedResult)
      passed += 1
    })
  }
  const all = FILES.reduce((sum, name) => sum + readSuite(name).tests.length, 0)
  afterAll(() => console.log(`unleash client-specification: ${passed} of ${all} cases`))
})
