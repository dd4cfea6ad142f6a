import { describe, expect, it } from 'vitest'
import type { AuditRequest } from '../../src/consistency/request.js'
import { audit } from '../../src/flows/audit.js'
import { FIRST_PAGE } from '../../src/lib/pages.js'
import type { AuditReport, Source } from '../../src/model/source.js'
import {
  auditPlatform,
  memorySource,
  type Row,
  type Tables,
  tablesOf,
} from '../consistency/memory.js'

const rows = (count: number, make: (at: number) => Row = () => ({})): Row[] =>
  Array.from({ length: count }, (_, at) => ({
    id: `row-${String(at).padStart(6, '0')}`,
    ...make(at),
  }))

function run(left: Source, right: Source, o: Partial<AuditRequest> = {}): Promise<AuditReport> {
  return audit({
    platform: auditPlatform(),
    left,
    right,
    rules: { tables: {} },
    inFlight: () => false,
    ...o,
  })
}

function runTables(
  left: Tables,
  right: Tables,
  o: Partial<AuditRequest> = {},
): Promise<AuditReport> {
  return run(memorySource('legacy', left), memorySource('refactored', right), o)
}

const only = (report: AuditReport) => report.tables[0]

describe('an audit', () => {
  it('finds rows that are missing, extra and changed, over several pages', async () => {
    const left = tablesOf({ cards: rows(1_700, (at) => ({ text: `t${at}`, at: new Date(at) })) })
    const right = tablesOf({
      cards: rows(1_700, (at) => ({ at: new Date(at).toISOString(), text: `t${at}`, none: null })),
    })
    left.cards?.delete('row-000499')
    right.cards?.delete('row-001200')
    right.cards?.set('zzz', { id: 'zzz' })
    right.cards?.set('row-000500', { id: 'row-000500', at: new Date(500), text: 'other' })
    const report = await runTables(left, right)
    expect(only(report)).toMatchObject({
      compared: 1_701,
      equal: 1_697,
      missing: 1,
      extra: 2,
      changed: 1,
      inconclusive: 0,
    })
    expect(report.divergences.map(({ key, kind, paths }) => [key, kind, paths])).toEqual([
      ['row-000499', 'extra', []],
      ['row-000500', 'changed', ['text']],
      ['row-001200', 'missing', []],
      ['zzz', 'extra', []],
    ])
    expect(report).toMatchObject({
      complete: true,
      clean: false,
      left: 'legacy',
      right: 'refactored',
    })
  })

  it('of equal stores is clean, also where nobody has a row', async () => {
    const report = await runTables(tablesOf({ cards: [] }), tablesOf({ cards: [] }))
    expect(report).toMatchObject({ complete: true, clean: true, divergences: [] })
    expect(only(report)?.compared).toBe(0)
  })

  it('keeps what an engine fills in apart from divergence', async () => {
    const rules = { tables: { folders: { defaults: { color: ['blue', 'indigo'] } } } }
    const report = await runTables(
      tablesOf({
        folders: [
          { id: 1, color: 'blue' },
          { id: 2, color: 'blue', name: 'a' },
        ],
      }),
      tablesOf({
        folders: [
          { id: 1, color: 'red' },
          { id: 2, color: 'indigo', name: 'b' },
        ],
      }),
      { rules },
    )
    expect(only(report)).toMatchObject({ defaults: 1, changed: 1, equal: 0 })
    expect(report.divergences[0]?.paths).toEqual(['name'])
  })

  it('takes a tombstone for no row', async () => {
    const rules = { tables: { cards: { tombstone: 'gone' } } }
    const report = await runTables(
      tablesOf({
        cards: [
          { id: 1, gone: true },
          { id: 2, gone: true },
          { id: 3, gone: false },
        ],
      }),
      tablesOf({ cards: [{ id: 2 }, { id: 3 }] }),
      { rules },
    )
    expect(only(report)).toMatchObject({ compared: 3, equal: 2, extra: 1 })
  })
})

describe('a difference', () => {
  it('does not count when the second look finds none', async () => {
    const left = tablesOf({ cards: [{ id: 1, n: 2 }] })
    const right = tablesOf({ cards: [{ id: 1, n: 1 }] })
    const late = memorySource('refactored', right, ({ keys }) => {
      if (keys) right.cards?.set(1, { id: 1, n: 2 })
    })
    const report = await run(memorySource('legacy', left), late)
    expect(only(report)).toMatchObject({ equal: 1, changed: 0 })
    expect(report.clean).toBe(true)
  })

  it('is looked at after it had time to settle', async () => {
    const platform = auditPlatform()
    const began = platform.monotonic()
    const looks: number[] = []
    const right = memorySource('refactored', tablesOf({ cards: [{ id: 1 }] }), ({ keys }) => {
      if (keys) looks.push(platform.monotonic() - began)
    })
    await run(memorySource('legacy', tablesOf({ cards: [] })), right, { platform, settleMs: 700 })
    expect(looks).toHaveLength(1)
    expect(looks[0]).toBeGreaterThanOrEqual(700)
  })

  it('that goes on changing is left undecided', async () => {
    const left = tablesOf({ cards: [{ id: 1, n: 0 }] })
    let turn = 0
    const busy = memorySource('legacy', left, () => left.cards?.set(1, { id: 1, n: ++turn }))
    const report = await run(busy, memorySource('refactored', tablesOf({ cards: [{ id: 1 }] })))
    expect(only(report)).toMatchObject({ changed: 0, inconclusive: 1, compared: 0 })
    expect(report).toMatchObject({ complete: true, clean: false })
  })

  it('that changes once and then stands counts', async () => {
    const left = tablesOf({ cards: [{ id: 1, n: 0 }] })
    const busy = memorySource('legacy', left, ({ keys }) => {
      if (keys) left.cards?.set(1, { id: 1, n: 5 })
    })
    const report = await run(busy, memorySource('refactored', tablesOf({ cards: [{ id: 1 }] })))
    expect(only(report)).toMatchObject({ changed: 1, inconclusive: 0 })
  })

  it('of a row in flight is never judged, whenever the operation comes', async () => {
    const left = memorySource('legacy', tablesOf({ cards: [{ id: 1 }, { id: 2 }, { id: 3 }] }))
    const right = memorySource('refactored', tablesOf({ cards: [{ id: 3 }] }))
    const calls: IDBValidKey[] = []
    const report = await run(left, right, {
      inFlight(_, key) {
        calls.push(key)
        return key === 1 || (key === 2 && calls.filter((one) => one === 2).length > 1)
      },
    })
    expect(only(report)).toMatchObject({ inFlight: 2, missing: 0, equal: 1, compared: 1 })
  })
})

describe('what an audit tells', () => {
  const secret = 'the user wrote this'
  const left = tablesOf({ cards: [{ id: 1, text: secret, n: [1], at: new Date(0), title: 'a' }] })
  const right = tablesOf({ cards: [{ id: 1, text: `${secret}!`, n: [1, 2], title: 'b' }] })

  it('holds no value but those that rules show', async () => {
    const rules = { tables: { cards: { show: ['title'] } } }
    const { divergences } = await runTables(left, right, { rules })
    expect(JSON.stringify(divergences)).not.toContain(secret)
    expect(divergences[0]?.values).toEqual({
      text: [
        expect.stringMatching(/^text\(19\) #[0-9a-f]{16}$/),
        expect.stringMatching(/^text\(20\) #/),
      ],
      n: [expect.stringMatching(/^list\(1\) #/), expect.stringMatching(/^list\(2\) #/)],
      at: [expect.stringMatching(/^date #/), 'absent'],
      title: ['"a"', '"b"'],
    })
  })

  it('is salted anew each time', async () => {
    const [one, two] = [await runTables(left, right), await runTables(left, right)]
    expect(one.divergences[0]?.values.text).not.toEqual(two.divergences[0]?.values.text)
  })

  it('describes 500 divergences and counts the others', async () => {
    const report = await runTables(tablesOf({ cards: rows(1_200) }), tablesOf({ cards: [] }))
    expect(report.divergences).toHaveLength(500)
    expect(only(report)?.missing).toBe(1_200)
  })

  it('names rules that met nothing', async () => {
    const rules = {
      tables: {
        cards: {
          ignore: ['txet'],
          unordered: ['text', 'n'],
          tolerance: { 'n.*.x': 1 },
          show: ['at'],
        },
      },
    }
    const request = runTables(left, right, { rules })
    await expect(request).rejects.toMatchObject({ code: 'OPTION' })
    const { tables } = await runTables(left, right, {
      rules: { tables: { cards: { ...rules.tables.cards, tolerance: { title: 1 } } } },
    })
    expect(tables[0]?.idle).toEqual([
      { rule: 'ignore', path: 'txet', because: 'unseen' },
      { rule: 'unordered', path: 'text', because: 'unfit' },
      { rule: 'tolerance', path: 'title', because: 'unfit' },
    ])
  })

  it('grows with the rows', async () => {
    const seen: [number, number | null][] = []
    const store = tablesOf({ cards: rows(1_100) })
    await runTables(store, store, { onProgress: ({ done, total }) => seen.push([done, total]) })
    expect(seen.at(-1)).toEqual([1_100, 1_100])
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b))
    expect(seen.length).toBeGreaterThan(1)
  })
})

describe('which tables', () => {
  const store = (...names: string[]) =>
    tablesOf(Object.fromEntries(names.map((name) => [name, []])))
  const names = (report: AuditReport) => report.tables.map(({ table }) => table)

  it('are those with rules, or all that both have where there are none', async () => {
    const rules = { tables: { cards: {} } }
    expect(names(await runTables(store('a', 'cards'), store('cards', 'a'), { rules }))).toEqual([
      'cards',
    ])
    expect(names(await runTables(store('a', 'b', 'c'), store('c', 'b', 'd')))).toEqual(['b', 'c'])
    expect(names(await runTables(store('a', 'b'), store('a', 'b'), { tables: ['b'] }))).toEqual([
      'b',
    ])
  })

  it('a source lacks is told by name', async () => {
    const rules = { tables: { cards: {}, tags: {} } }
    await expect(
      runTables(store('cards', 'tags'), store('cards'), { rules }),
    ).rejects.toMatchObject({
      code: 'AUDIT',
      message: 'source "refactored" has no table "tags"',
    })
    await expect(runTables(store('a'), store('b'))).rejects.toMatchObject({ code: 'AUDIT' })
  })
})

describe('an audit that can not read', () => {
  it('tries again, and then is as complete as any', async () => {
    let reads = 0
    const shaky = memorySource('legacy', tablesOf({ cards: rows(10) }), () => {
      if (++reads % 2) throw new Error('busy')
    })
    const report = await run(shaky, memorySource('refactored', tablesOf({ cards: rows(10) })))
    expect(report).toMatchObject({ complete: true, clean: true })
  })

  it('a page says so and goes on with the next table', async () => {
    const tables = tablesOf({ cards: rows(1_200), tags: rows(3) })
    let pages = 0
    const broken = memorySource('legacy', tables, ({ table }) => {
      if (table === 'cards' && ++pages > 1) throw new Error('disk')
    })
    const report = await run(broken, memorySource('refactored', tables))
    expect(report).toMatchObject({ complete: false, clean: false })
    expect(report.tables[0]).toMatchObject({
      equal: FIRST_PAGE,
      missing: 0,
      extra: 0,
      failure: 'source "legacy" can\'t read table "cards": disk',
    })
    expect(report.tables[1]).toMatchObject({ equal: 3 })
  })

  it('a suspect again leaves it undecided', async () => {
    const broken = memorySource('legacy', tablesOf({ cards: rows(2) }), ({ keys }) => {
      if (keys) throw new Error('disk')
    })
    const report = await run(broken, memorySource('refactored', tablesOf({ cards: rows(1) })))
    expect(only(report)).toMatchObject({ equal: 1, missing: 0, inconclusive: 1 })
    expect(report.clean).toBe(false)
  })

  it('a row to its end leaves that row undecided', async () => {
    const endless: Row = { id: 1 }
    endless.self = endless
    const [left, right] = [tablesOf({ cards: [endless] }), tablesOf({ cards: [endless] })]
    expect(only(await runTables(left, right))).toMatchObject({ inconclusive: 1, equal: 0 })
    expect(only(await runTables(left, tablesOf({ cards: [] })))).toMatchObject({ missing: 1 })
  })

  it('keys in order reports nothing that is not so', async () => {
    const source = memorySource('legacy', tablesOf({ cards: rows(3) }))
    const shuffled: Source = {
      ...source,
      page: async (...o) => [...(await source.page(...o))].reverse(),
    }
    const report = await run(shuffled, source)
    expect(only(report)).toMatchObject({ extra: 0, missing: 0 })
    expect(only(report)?.failure).toContain('out of order')
  })
})

describe('an audit that is given up', () => {
  it('ends at once with what it has, even where a source hangs', async () => {
    const stop = new AbortController()
    const source = memorySource('legacy', tablesOf({ cards: rows(2_000), tags: rows(1) }))
    const hanging: Source = {
      ...source,
      page: (table, after, limit) =>
        after === undefined ? source.page(table, after, limit) : new Promise(() => undefined),
    }
    const report = await run(source, hanging, {
      signal: stop.signal,
      onProgress: () => stop.abort(),
    })
    expect(report).toMatchObject({ complete: false, clean: false, divergences: [] })
    expect(report.tables.map(({ failure }) => failure)).toEqual([
      'the audit was given up',
      'the audit was given up',
    ])
  })
})
