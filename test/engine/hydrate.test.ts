import { describe, expect, it } from 'vitest'
import { type Hydration, hydrate, insistOnClean, topUp } from '../../src/engine/hydrate.js'
import { toSubject } from '../../src/engine/oplog.js'
import { GraySyncError } from '../../src/model/errors.js'
import type { AuditReport, Divergence, TableAudit } from '../../src/model/source.js'
import { createFakeEngine, type FakeEngine, type RowOperation } from '../../src/testing.js'

const differ = (key: string, kind: Divergence['kind'] = 'changed', table = 'cards') =>
  ({ table, key, kind, paths: ['text'], values: {} }) satisfies Divergence

function report(
  divergences: readonly Divergence[],
  o: { complete?: boolean; counted?: Partial<TableAudit> } = {},
): AuditReport {
  const names = [...new Set(['cards', ...divergences.map(({ table }) => table)])]
  const tables = names.map((table) => {
    const count = (kind: Divergence['kind']) =>
      divergences.filter((one) => one.table === table && one.kind === kind).length
    return {
      table,
      rows: 9,
      equal: 0,
      missing: count('missing'),
      extra: count('extra'),
      changed: count('changed'),
      inconclusive: 0,
      ...(table === 'cards' && o.counted),
    } as TableAudit
  })
  const complete = o.complete ?? true
  const clean = complete && divergences.length === 0
  return {
    left: 'l',
    right: 'r',
    startedAt: 0,
    durationMs: 0,
    complete,
    clean,
    tables,
    divergences,
  }
}

interface World extends Hydration<RowOperation> {
  source: FakeEngine
  target: FakeEngine
  saved: string[]
  checks: number
}

/** A source with three rows in two tables, and a target with one that the source has not. */
function createHydration(): World {
  const [source, target] = [
    createFakeEngine(['cards', 'tags']),
    createFakeEngine(['cards', 'tags']),
  ]
  for (const [table, id] of [
    ['cards', 'a'],
    ['cards', 'b'],
    ['tags', 'a'],
  ] as const) {
    const rows = source.disk.rows.get(table) ?? new Map()
    source.disk.rows.set(table, rows.set(id, { id, text: `${table} ${id}` }))
  }
  target.disk.rows.set('cards', new Map([['z', { id: 'z' }]]))
  const saved: string[] = []
  const world: World = {
    source,
    target,
    saved,
    checks: 0,
    backup: {
      clear: async () => void saved.splice(0, saved.length, 'cleared'),
      put: async (table, rows) => void saved.push(...rows.map(({ key }) => `${table} ${key}`)),
    },
    coordinator: {
      async check() {
        world.checks++
      },
    },
  }
  return world
}

const held = ({ disk }: FakeEngine) =>
  [...disk.rows].flatMap(([table, rows]) => [...rows.keys()].map((key) => `${table} ${key}`))

const ALL = ['cards a', 'cards b', 'tags a']

describe('a store that is filled', () => {
  it('holds what the source holds, and nothing else, and the backup the same', async () => {
    const world = createHydration()
    await hydrate(world)
    expect(held(world.target)).toEqual(ALL)
    expect(world.saved).toEqual(['cleared', ...ALL])
    expect(world.checks).toBe(3)
  })

  it('is filled without a backup as well', async () => {
    const { backup: _, ...world } = createHydration()
    await hydrate(world)
    expect(held(world.target)).toEqual(ALL)
  })

  it('is left alone where the rows of the source can not be read, or the target has none', async () => {
    const { source, target, ...rest } = createHydration()
    const { data: _data, ...blind } = source
    const { store: _store, ...storeless } = target
    await hydrate({ ...rest, source: blind, target })
    await hydrate({ ...rest, source, target: storeless })
    await topUp({ ...rest, source: blind, target }, report([differ('a')]))
    expect(held(target)).toEqual(['cards z'])
    expect(rest.saved).toEqual([])
  })
})

describe('rows that changed while a store was filled', () => {
  it('are brought over by themselves, each of its table', async () => {
    const world = createHydration()
    await topUp(world, report([differ('b'), differ('a', 'missing', 'tags')]))
    expect(held(world.target)).toEqual(['cards z', 'cards b', 'tags a'])
    expect(world.saved).toEqual(['cards b', 'tags a'])
    expect(world.checks).toBe(2)
  })

  it.each([
    ['a row too many', report([differ('b'), differ('z', 'extra')])],
    ['more rows changed than are listed', report([differ('b')], { counted: { changed: 2 } })],
    ['more rows missing than are listed', report([differ('b')], { counted: { missing: 1 } })],
    ['a table that was not read to its end', report([differ('b')], { complete: false })],
  ])('begin from nothing for %s', async (_, found) => {
    const world = createHydration()
    await topUp(world, found)
    expect(held(world.target)).toEqual(ALL)
    expect(world.saved).toEqual(['cleared', ...ALL])
  })
})

describe('two stores that differ', () => {
  const insist = (found: AuditReport, ...carried: string[]) => {
    const subjects = carried.map((entityId) => toSubject({ entity: 'cards', entityId }))
    try {
      insistOnClean(found, new Set(subjects))
      return null
    } catch (cause) {
      if (!(cause instanceof GraySyncError)) throw cause
      return [cause.code, cause.message]
    }
  }
  const said = (where: string) => [
    'HANDOVER_VERIFY',
    `the stores differ after hydration (${where})`,
  ]
  const unread = said('a table could not be read to its end')

  it('are told by the first row that no operation carries over', () => {
    const found = report([differ('a'), differ('b'), differ('c', 'missing', 'tags')])
    expect(insist(found)).toEqual(said('cards: changed text'))
    expect(insist(found, 'a')).toEqual(said('cards: changed text'))
    expect(insist(found, 'a', 'b')).toEqual(said('tags: missing text'))
  })

  it('are the same where an operation carries each over', () => {
    expect(insist(report([]))).toBe(null)
    const kinds = ['missing', 'extra', 'changed'] as const
    for (const kind of kinds) {
      expect(insist(report([differ('a', kind), differ('b', kind)]), 'a', 'b')).toBe(null)
    }
  })

  it.each(['missing', 'extra', 'changed', 'inconclusive'])(
    'are not the same where rows that are %s are counted, and not listed',
    (kind) => {
      expect(insist(report([differ('a')], { counted: { [kind]: 2 } }), 'a')).toEqual(unread)
    },
  )

  it('are not the same where a table was not read to its end', () => {
    expect(insist(report([differ('a')], { complete: false }), 'a')).toEqual(unread)
    expect(insist(report([], { complete: false }))).toEqual(unread)
  })
})
