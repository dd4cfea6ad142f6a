import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { audit } from '../../src/flows/audit.js'
import type { AuditReport } from '../../src/model/source.js'
import { cardEverythingRules } from '../../src/sources.js'
import { engineRows } from '../consistency/engine-rows.js'
import { auditPlatform, memorySource, type Row, tablesOf } from '../consistency/memory.js'

function compare(left: Record<string, Row[]>, right: Record<string, Row[]>): Promise<AuditReport> {
  const tables = Object.keys(left).filter((table) => table in right)
  return audit({
    platform: auditPlatform(),
    left: memorySource('left', tablesOf(left)),
    right: memorySource('right', tablesOf(right)),
    rules: cardEverythingRules,
    tables,
    inFlight: () => false,
  })
}

const found = (report: AuditReport) =>
  report.divergences.map(({ table, key, kind, paths }) => [table, key, kind, ...paths].join(' '))

const table = (report: AuditReport, name: string) => report.tables.find((one) => one.table === name)

describe('the rows that two engines make of one cloud', () => {
  it('are equal where a person would say so', async () => {
    const report = await compare(engineRows.legacy, engineRows.refactored)
    expect(found(report)).toEqual(['tags folder-local extra'])
    expect(table(report, 'cards')).toMatchObject({ compared: 3, equal: 3 })
    expect(table(report, 'folders')).toMatchObject({ compared: 2, equal: 1, defaults: 1 })
    expect(table(report, 'tags')).toMatchObject({ compared: 2, equal: 0, defaults: 1, extra: 1 })
    expect(table(report, 'images')).toMatchObject({ compared: 1, equal: 1 })
  })

  it('differ from the cloud where both engines are wrong', async () => {
    const legacy = await compare(engineRows.cloud, engineRows.legacy)
    expect(found(legacy)).toEqual(['cards card-resurrected extra'])
    const refactored = await compare(engineRows.cloud, engineRows.refactored)
    expect(found(refactored)).toEqual(['cards card-resurrected extra', 'tags folder-local extra'])
  })

  const faults: [string, string, (rows: Record<string, Row[]>) => void][] = [
    ['a lost card', 'cards card-pulled missing', (rows) => rows.cards?.splice(1, 1)],
    [
      'a changed text',
      'cards card-pulled changed frontContent.text',
      ({ cards }) => {
        Object.assign(cards?.[1]?.frontContent as Row, { text: 'y' })
      },
    ],
    [
      'tags in another order',
      'cards card-local changed frontContent.tags',
      ({ cards }) => {
        Object.assign(cards?.[0]?.frontContent as Row, { tags: ['t', 'u'] })
      },
    ],
    [
      'a lost picture',
      'cards card-local changed backContent.images',
      ({ cards }) => {
        Object.assign(cards?.[0]?.backContent as Row, { images: [] })
      },
    ],
    [
      'another folder',
      'cards card-local changed folderId',
      ({ cards }) => {
        Object.assign(cards?.[0] as Row, { folderId: 'folder-pulled' })
      },
    ],
    [
      'a folder renamed',
      'folders folder-pulled changed name',
      ({ folders }) => {
        Object.assign(folders?.[1] as Row, { name: 'cf' })
      },
    ],
    [
      'a folder painted anew',
      'folders folder-local changed color',
      ({ folders }) => {
        Object.assign(folders?.[0] as Row, { color: '#00ff00' })
      },
    ],
    [
      'a lost file',
      'images image changed data',
      ({ images }) => {
        Object.assign(images?.[0] as Row, { data: null })
      },
    ],
  ]
  it.each(faults)('show %s', async (_, expected, plant) => {
    const rows = structuredClone(engineRows.refactored)
    plant(rows)
    expect(found(await compare(engineRows.legacy, rows))).toContain(expected)
  })
})

/** Recorded rows write what JSON can't: dates behind `Date:`, and `<undef>`. */
function revive(value: unknown): unknown {
  if (typeof value === 'string') {
    if (value === '<undef>') return undefined
    return value.startsWith('Date:') ? new Date(value.slice(5)) : value
  }
  if (Array.isArray(value)) return value.map(revive)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, revive(one)]))
}

const recording = fileURLToPath(
  new URL('../../../shared/fixtures/engine-rows.json', import.meta.url),
)
const isRecorded = existsSync(recording)
if (!isRecorded) console.log('recorded engine rows are not here: only rows of our own are compared')

describe.runIf(isRecorded)('the rows recorded from two builds', () => {
  it('diverge in the folder among the tags only', async () => {
    const builds = JSON.parse(readFileSync(recording, 'utf8')) as Record<string, Row>
    const rowsOf = (build: string) => revive(builds[build]?.localAfterPull) as Record<string, Row[]>
    const report = await compare(rowsOf('legacy35'), rowsOf('unified565fix'))
    expect(found(report)).toEqual(['tags bbbbbbbb-0000-4000-8000-000000000001 extra'])
    expect(table(report, 'cards')).toMatchObject({ compared: 3, equal: 3 })
    expect(table(report, 'folders')).toMatchObject({ equal: 1, defaults: 1 })
  })

  it('hold a card that the cloud deleted', async () => {
    const builds = JSON.parse(readFileSync(recording, 'utf8')) as Record<string, Row>
    for (const build of ['legacy35', 'unified565fix']) {
      const { cards = [] } = revive(builds[build]?.localAfterPull) as Record<string, Row[]>
      const cloud = cards.map((row) => ({ ...row, isDeleted: String(row.id).startsWith('dddd') }))
      expect(found(await compare({ cards: cloud }, { cards }))).toEqual([
        'cards dddddddd-0000-4000-8000-000000000001 extra',
      ])
    }
  })
})
