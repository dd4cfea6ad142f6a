import { describe, expect, it } from 'vitest'
import { idbSource } from '../src/sources.js'
import { pagesOf } from './consistency/pages.js'

type Fill = (database: IDBDatabase) => void

function open(name: string, fill: Fill = () => {}): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name)
    request.onupgradeneeded = () => fill(request.result)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

const cards: Fill = (database) => {
  const store = database.createObjectStore('cards', { keyPath: 'id' })
  for (const id of ['b', 2, 'a', [1], new Date(0), 1]) store.add({ id })
}

describe('a source of plain IndexedDB', () => {
  it('pages through all rows in the order of their keys', async () => {
    const source = idbSource(await open('plain', cards))
    expect(source).toMatchObject({ name: 'plain', tables: ['cards'] })
    const keys = (await pagesOf(source, 'cards', 2)).map(({ key }) => key)
    expect(keys).toEqual([1, 2, new Date(0), 'a', 'b', [1]])
    expect(await source.get('cards', ['b', 'none', 1])).toEqual([
      { key: 'b', row: { id: 'b' } },
      { key: 1, row: { id: 1 } },
    ])
    expect(await source.count?.('cards')).toBe(6)
  })

  it('reads keys that are kept beside the rows', async () => {
    const database = await open('beside', (made) => {
      const store = made.createObjectStore('notes', { autoIncrement: true })
      for (const n of [3, 1, 2]) store.add({ n })
    })
    expect(await pagesOf(idbSource(database), 'notes', 2)).toEqual([
      { key: 1, row: { n: 3 } },
      { key: 2, row: { n: 1 } },
      { key: 3, row: { n: 2 } },
    ])
  })

  it('opens late, once, and again when the connection was closed', async () => {
    let opened: IDBDatabase[] = []
    const source = idbSource(
      async () => {
        const database = await open('late', cards)
        opened = [...opened, database]
        return database
      },
      { tables: ['cards'] },
    )
    expect(opened).toHaveLength(0)
    await Promise.all([source.page('cards', undefined, 1), source.page('cards', undefined, 1)])
    expect(opened).toHaveLength(1)
    opened[0]?.close()
    expect(await source.page('cards', undefined, 1)).toEqual([{ key: 1, row: { id: 1 } }])
    expect(opened).toHaveLength(2)
  })

  it('asks again after opening failed', async () => {
    let tries = 0
    const source = idbSource(
      () => (++tries === 1 ? Promise.reject(new Error('blocked')) : open('retried', cards)),
      { name: 'retried', tables: ['cards'] },
    )
    await expect(source.page('cards', undefined, 1)).rejects.toThrow('blocked')
    expect(await source.page('cards', undefined, 1)).toHaveLength(1)
  })

  it('rewrites rows in one transaction', async () => {
    const database = await open('written', (made) => {
      made.createObjectStore('cards', { keyPath: 'id' }).add({ id: 1, n: 1 })
      made.createObjectStore('beside').add({ n: 1 }, 'k')
    })
    const source = idbSource(database)
    await source.rewrite?.('cards', [1, 2], (key, row) => ({ id: key, was: row?.n ?? null }))
    await source.rewrite?.('beside', ['k', 'none'], (_, row) => (row ? { n: 2 } : undefined))
    expect(await pagesOf(source, 'cards', 9)).toEqual([
      { key: 1, row: { id: 1, was: 1 } },
      { key: 2, row: { id: 2, was: null } },
    ])
    expect(await pagesOf(source, 'beside', 9)).toEqual([{ key: 'k', row: { n: 2 } }])
    await source.rewrite?.('cards', [1, 2], (key) => (key === 1 ? null : undefined))
    expect(await source.count?.('cards')).toBe(1)
    const failing = source.rewrite?.('cards', [1, 2], () => ({ without: 'key' }))
    await expect(failing).rejects.toMatchObject({ name: 'DataError' })
    expect(await source.count?.('cards')).toBe(1)
  })

  it('rejects for a store that is not there', async () => {
    const source = idbSource(await open('few', cards))
    await expect(source.page('tags', undefined, 1)).rejects.toMatchObject({ name: 'NotFoundError' })
  })
})
