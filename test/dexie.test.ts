import { Dexie } from 'dexie'
import { afterEach, describe, expect, it } from 'vitest'
import { dexieSource } from '../src/dexie.js'
import { pagesOf } from './consistency/pages.js'

const databases: Dexie[] = []

function open(name: string, stores: Record<string, string>): Dexie {
  const db = new Dexie(name)
  db.version(1).stores(stores)
  databases.push(db)
  return db
}

afterEach(async () => {
  for (const db of databases) db.close()
  for (const db of databases.splice(0)) await db.delete()
})

describe('a Dexie source', () => {
  it('pages through all rows in the order of their keys, of whatever kind', async () => {
    const db = open('mixed', { cards: 'id' })
    const keys = ['b', 3, new Date(5), [1, 'a'], -1, 'a', [1], new Uint8Array([7]), 'aa', 2.5]
    await db.table('cards').bulkAdd(keys.map((id) => ({ id, n: String(id) })))
    const rows = await pagesOf(dexieSource(db), 'cards', 3)
    const expected = [...keys].sort((a, b) => indexedDB.cmp(a, b))
    expect(rows.map(({ row }) => row.n)).toEqual(expected.map(String))
    expect(rows.every(({ key, row }) => indexedDB.cmp(key, row.id as IDBValidKey) === 0)).toBe(true)
  })

  it('shows rows that no index holds', async () => {
    const db = open('null-user', { cards: '++id, userId' })
    await db
      .table('cards')
      .bulkAdd([{ id: 'a', userId: null }, { id: 'b' }, { id: 'c', userId: 'u' }])
    expect((await pagesOf(dexieSource(db), 'cards', 2)).map(({ key }) => key)).toEqual([
      'a',
      'b',
      'c',
    ])
  })

  it('reads keys that are compound, deep, or kept beside the rows', async () => {
    const db = open('keys', { pairs: '[a+b]', deep: 'at.id', beside: '' })
    await db.table('pairs').bulkAdd([
      { a: 1, b: 'y' },
      { a: 1, b: 'x' },
    ])
    await db.table('deep').add({ at: { id: 7 } })
    await db.table('beside').bulkAdd([{ n: 1 }, { n: 2 }], ['q', 'p'])
    const source = dexieSource(db)
    const keys = async (table: string) => (await pagesOf(source, table, 1)).map(({ key }) => key)
    expect(await keys('pairs')).toEqual([
      [1, 'x'],
      [1, 'y'],
    ])
    expect(await keys('deep')).toEqual([7])
    expect(await pagesOf(source, 'beside', 1)).toEqual([
      { key: 'p', row: { n: 2 } },
      { key: 'q', row: { n: 1 } },
    ])
    expect(await source.get('pairs', [[1, 'y']])).toEqual([
      { key: [1, 'y'], row: { a: 1, b: 'y' } },
    ])
    expect(await source.get('beside', ['q', 'none'])).toEqual([{ key: 'q', row: { n: 1 } }])
  })

  it('names itself and its tables, and counts', async () => {
    const db = open('named', { cards: 'id', tags: 'id' })
    await db.table('cards').bulkAdd([{ id: 1 }, { id: 2 }])
    expect(dexieSource(db)).toMatchObject({ name: 'named', tables: ['cards', 'tags'] })
    const narrow = dexieSource(db, { name: 'next', tables: ['cards'] })
    expect(narrow).toMatchObject({ name: 'next', tables: ['cards'] })
    expect(await narrow.count?.('cards')).toBe(2)
  })

  it('of a schema read from the disk knows its tables once it is open', async () => {
    await open('disk', { cards: 'id' }).open()
    const db = new Dexie('disk')
    databases.push(db)
    const source = dexieSource(db)
    await db.open()
    expect(source.tables).toEqual(['cards'])
  })

  it('rewrites rows in one transaction', async () => {
    const db = open('written', { cards: 'id', beside: '' })
    await db.table('cards').bulkAdd([
      { id: 1, n: 1 },
      { id: 2, n: 2 },
      { id: 3, n: 3 },
    ])
    await db.table('beside').add({ n: 1 }, 'k')
    const source = dexieSource(db)
    await source.rewrite?.('cards', [1, 2, 3, 4], (key, row) => {
      if (key === 2) return null
      return key === 3 ? undefined : { id: key, was: row?.n }
    })
    await source.rewrite?.('beside', ['k'], (_, row) => ({ n: row?.n, seen: true }))
    expect(await db.table('cards').toArray()).toEqual([
      { id: 1, was: 1 },
      { id: 3, n: 3 },
      { id: 4, was: undefined },
    ])
    expect(await db.table('beside').get('k')).toEqual({ n: 1, seen: true })
    const failing = source.rewrite?.('cards', [1, 3], (key) => {
      if (key === 3) throw new Error('no')
      return null
    })
    await expect(failing).rejects.toThrow('no')
    expect(await db.table('cards').count()).toBe(3)
  })

  it('rejects for a table that is not there', async () => {
    const source = dexieSource(open('few', { cards: 'id' }))
    await expect(async () => source.page('tags', undefined, 1)).rejects.toThrow('tags')
  })
})
