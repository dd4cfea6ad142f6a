import { describe, expect, it } from 'vitest'
import { cardEverythingRules } from '../../src/sources.js'
import { findNoise } from '../../src/testing.js'
import { memorySource, type Row, tablesOf } from '../consistency/memory.js'

/** One of two stores that an engine filled from the same operations: what it makes up by itself differs by `life`. */
function fill(life: number, change: (row: Row, at: number) => Row = (row) => row) {
  const cards = Array.from({ length: 1_200 }, (_, at) =>
    change(
      {
        id: `card-${at}`,
        text: `number ${at}`,
        syncVersion: at + life,
        content: { tags: ['a', 'b'], lastModified: life * 1_000 + at },
        isDeleted: false,
      },
      at,
    ),
  )
  return memorySource(`life ${life}`, tablesOf({ cards }))
}

const rules = {
  tables: {
    cards: { ignore: ['syncVersion', 'content.lastModified'], tombstone: 'isDeleted' },
  },
}

describe('an engine compared with itself', () => {
  it('is quiet under rules that fit', async () => {
    expect(await findNoise(fill(1), fill(2), rules)).toEqual({
      quiet: true,
      rows: 1_200,
      places: [],
      idle: [],
    })
  })

  it('shows by noise and by what met nothing that a rule is wrong', async () => {
    const wrong = { tables: { cards: { ignore: ['syncVersion', 'content.lastModifed'] } } }
    expect(await findNoise(fill(1), fill(2), wrong)).toEqual({
      quiet: false,
      rows: 1_200,
      places: [{ table: 'cards', path: 'content.lastModified', rows: 1_200 }],
      idle: [{ table: 'cards', rule: 'ignore', path: 'content.lastModifed', because: 'unseen' }],
    })
  })

  it('shows that a rule is stale where the field is no more, and that none rules what came instead', async () => {
    const rename = ({ syncVersion, ...row }: Row): Row => ({ ...row, revision: syncVersion })
    const { places, idle } = await findNoise(fill(1, rename), fill(2, rename), rules)
    expect(places).toEqual([{ table: 'cards', path: 'revision', rows: 1_200 }])
    expect(idle).toEqual([
      { table: 'cards', rule: 'ignore', path: 'syncVersion', because: 'unseen' },
    ])
  })

  it('counts more than an audit describes, and rows that one store lacks', async () => {
    const tags = (row: Row, at: number): Row =>
      at % 2 ? row : { ...row, content: { tags: ['b', 'a'], lastModified: 0 } }
    const first = fill(1)
    const second = fill(2, (row, at) => (at < 3 ? { ...row, isDeleted: true } : tags(row, at)))
    expect((await findNoise(first, second, rules)).places).toEqual([
      { table: 'cards', path: 'content.tags.0', rows: 598 },
      { table: 'cards', path: 'content.tags.1', rows: 598 },
      { table: 'cards', path: null, rows: 3 },
    ])
  })

  it('refuses a table that a store lacks', async () => {
    await expect(findNoise(fill(1), fill(2), cardEverythingRules)).rejects.toThrow(
      'source "life 1" has no table "folders"',
    )
  })
})
