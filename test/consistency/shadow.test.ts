import { describe, expect, it } from 'vitest'
import {
  beginWatch,
  comparePlans,
  type Sight,
  type Watched,
  watch,
} from '../../src/consistency/shadow.js'
import type { ErrorCode } from '../../src/model/errors.js'
import type { Shadow } from '../../src/model/shadow.js'
import type { AuditReport, TableAudit } from '../../src/model/source.js'

const TABLE: TableAudit = {
  table: 'cards',
  compared: 7,
  equal: 3,
  defaults: 0,
  missing: 1,
  extra: 1,
  changed: 2,
  inFlight: 0,
  inconclusive: 0,
  idle: [],
}
const REPORT: AuditReport = {
  left: 'legacy',
  right: 'refactored',
  startedAt: 1,
  durationMs: 1,
  complete: true,
  clean: false,
  tables: [TABLE],
  divergences: [
    { table: 'cards', key: 'a', kind: 'changed', paths: ['text', 'title'], values: {} },
    { table: 'cards', key: 'b', kind: 'changed', paths: ['text'], values: {} },
  ],
}

const SIGHTS = {
  filled: { saw: 'filled' },
  applied: { saw: 'applied' },
  refused: { saw: 'refused' },
  error: { saw: 'error', code: 'ENGINE_TIMEOUT' },
  plan: { saw: 'plan', paths: ['0.url'] },
  compared: { saw: 'compared', report: REPORT, at: 5 },
  end: { saw: 'end', code: 'QUOTA' },
} satisfies Record<string, Sight>

const see = (from: Watched, ...sights: Sight[]) => sights.reduce(watch, from)
const times = (count: number, sight: Sight) => Array<Sight>(count).fill(sight)
const begun = beginWatch('refactored')
const running = see(begun, SIGHTS.filled)

describe('what is seen of a shadow', () => {
  const compared = {
    at: 5,
    rows: 7,
    missing: 1,
    extra: 1,
    changed: 2,
    paths: ['cards.text', 'cards.title'],
  }
  const outcomes: Record<keyof typeof SIGHTS, Partial<Shadow>> = {
    filled: { state: 'running' },
    applied: { applied: 1 },
    refused: { refused: 1 },
    error: { errors: 1 },
    plan: { plans: { same: 0, different: 1 } },
    compared: { compared },
    end: { state: 'off', because: 'QUOTA' },
  }

  it.each(Object.entries(outcomes))('%s changes that alone', (name, change) => {
    const sight = SIGHTS[name as keyof typeof SIGHTS]
    for (const from of [begun, running]) {
      expect(watch(from, sight).shadow).toEqual({ ...from.shadow, ...change })
    }
    const off = see(running, SIGHTS.end)
    expect(watch(off, sight)).toBe(off)
  })

  const ends: [string, Sight[], ErrorCode | undefined][] = [
    ['five errors in a row', times(5, SIGHTS.error), 'ENGINE_TIMEOUT'],
    ['four errors in a row', times(4, SIGHTS.error), undefined],
    [
      'errors with a success between them',
      [...times(4, SIGHTS.error), SIGHTS.applied, ...times(4, SIGHTS.error)],
      undefined,
    ],
    ['twenty writes', times(20, SIGHTS.refused), 'SUSPENDED'],
    ['nineteen writes', times(19, SIGHTS.refused), undefined],
  ]
  it.each(ends)('switches it off after %s, or not', (_, sights, because) => {
    const { shadow } = see(running, ...sights)
    expect(shadow.because).toBe(because)
    expect(shadow.state).toBe(because ? 'off' : 'running')
  })

  it('counts differing plans by path, of at most twenty paths', () => {
    const plan = (...paths: string[]): Sight => ({ saw: 'plan', paths })
    const { shadow, paths } = see(running, plan(), plan('a', 'b'), plan('a'))
    expect(shadow.plans).toEqual({ same: 1, different: 2 })
    expect(paths).toEqual({ a: 2, b: 1 })
    const many = Array.from({ length: 30 }, (_, n) => `path ${n}`)
    const full = see(running, plan(...many), plan('path 0', 'path 29'))
    expect(Object.keys(full.paths)).toHaveLength(20)
    expect(full.paths['path 0']).toBe(2)
    expect(full.paths['path 29']).toBeUndefined()
  })
})

describe('two plans', () => {
  const request = (change: object = {}) => ({
    method: 'POST',
    url: '/api/cards',
    body: { id: 'a', tags: ['x'] },
    ...change,
  })
  const cases: [string, unknown, unknown, string[]][] = [
    ['that are alike', [request()], [request()], []],
    ['in another order of keys', [request()], [request({ body: { tags: ['x'], id: 'a' } })], []],
    [
      'of which one is JSON already',
      [request()],
      [request({ body: '{"tags":["x"],"id":"a"}' })],
      [],
    ],
    ['with methods in other letters', [request()], [request({ method: 'post' })], []],
    ['with other methods', [request()], [request({ method: 'PUT' })], ['0.method']],
    ['with other addresses', [request()], [request({ url: '/api/tags' })], ['0.url']],
    [
      'with other bodies',
      [request()],
      [request({ body: { id: 'b', tags: ['y'] } })],
      ['0.body.id', '0.body.tags.0'],
    ],
    ['of which one is longer', [request()], [request(), request()], ['requests']],
    ['of which one is none', [request()], 'nothing', ['requests']],
    ['with texts that are no JSON', [request({ body: 'a' })], [request({ body: 'b' })], ['0.body']],
  ]
  it.each(cases)('%s differ where they do', (_, mine, theirs, paths) => {
    expect(comparePlans(mine, theirs).sort()).toEqual(paths)
    expect(comparePlans(theirs, mine).sort()).toEqual(paths)
  })
})
