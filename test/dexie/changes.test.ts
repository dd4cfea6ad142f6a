import { Dexie } from 'dexie'
import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { dexieSource, grayStores, grayWrites } from '../../src/dexie.js'
import { regionOf } from '../../src/lib/tracker.js'
import type { Changes } from '../../src/model/source.js'
import { type Card, type CardDatabase, createDexieProfile } from '../support/dexie-profile.js'

async function changesOf(db: CardDatabase): Promise<Changes> {
  const changes = await dexieSource(db).changes?.('cards')
  if (!changes) throw new Error('nothing tracks this database')
  return changes
}

const keysIn = (changes: Changes) => changes.take(100).map(({ key }) => key)
const regionsIn = (changes: Changes) => [...changes.regions().keys()].sort((a, b) => a - b)
const onDisk = async (db: CardDatabase) =>
  (await db.table('graysyncIntents').toArray()).map(({ table, region }) => `${table}/${region}`)

/** Everything that waits is judged, and nothing was written meanwhile. */
async function judgeAll(changes: Changes): Promise<void> {
  changes.judged(changes.take(1_000))
  for (const [region, seq] of changes.regions()) changes.scanned(region, seq)
  await changes.checkpoint()
}

async function loadTracked() {
  const profile = await createDexieProfile()
  const page = await profile.load('legacy')
  await page.legacy.open()
  await page.gray.start()
  return { ...profile, page }
}

describe('the tables of a source', () => {
  it('are those of the schema, and are refused while nobody knows them', async () => {
    const disk = { indexedDB: new IDBFactory(), IDBKeyRange }
    const declared = new Dexie('cards', disk)
    declared.version(1).stores({ cards: 'id' })
    expect(dexieSource(declared).tables).toEqual(['cards'])
    await declared.open()
    const found = new Dexie('cards', disk)
    const source = dexieSource(found)
    expect(() => source.tables).toThrow('dexieSource: "cards" has no schema until it is open')
    expect(dexieSource(found, { tables: ['cards'] }).tables).toEqual(['cards'])
    await found.open()
    expect(source.tables).toEqual(['cards'])
    declared.close()
    found.close()
  })
})

describe('changes', () => {
  it('are the rows that committed transactions wrote, of the app and of its engine', async () => {
    const { page, engines } = await loadTracked()
    const changes = await changesOf(page.legacy)
    const { cards } = page.legacy
    await cards.bulkPut([{ id: 'a' }, { id: 'b' }])
    await engines.legacy.own?.cards.put({ id: 'pulled' })
    await cards.where(':id').equals('a').delete()
    const aborting = page.legacy.transaction('rw', cards, async (tx) => {
      await cards.put({ id: 'never' })
      tx.abort()
    })
    await expect(aborting).rejects.toThrow()
    expect(keysIn(changes)).toEqual(['b', 'pulled', 'a'])
    expect(await onDisk(page.legacy)).not.toContain(`cards/${regionOf('never')}`)
    await page.leave()
  })

  it('are found in tables with any kind of keys that no operation is made of', async () => {
    const { page, disk } = await loadTracked()
    const db = new Dexie('kinds', { indexedDB: disk.factory, IDBKeyRange })
    db.version(1).stores({ within: 'id', beside: '', counted: '++id', ...grayStores })
    db.use(grayWrites(page.gray))
    const [within, beside, counted] = ['within', 'beside', 'counted'].map((name) => db.table(name))
    await within?.bulkPut([{ id: 'a' }, { id: 'b' }, { id: 'c' }])
    await within?.delete('b')
    await within?.where(':id').above('b').delete()
    await beside?.put({ text: 'x' }, 'd')
    await counted?.bulkAdd([{ text: 'x' }, { text: 'y' }])
    await counted?.put({ id: 7 })
    const source = dexieSource(db)
    const found = async (table: string) =>
      (await source.changes?.(table))?.take(100).map(({ key }) => key)
    expect(await found('within')).toEqual(['a', 'b', 'c'])
    expect(await found('beside')).toEqual(['d'])
    expect(await found('counted')).toEqual([1, 2, 7])
    const noted = await db.table('graysyncIntents').toArray()
    expect(noted.map(({ table, region }) => `${table}/${region}`).sort()).toEqual(
      ['within/a', 'within/b', 'within/c', 'beside/d', 'counted/1', 'counted/2', 'counted/7']
        .map((row) => row.split('/'))
        .map(([table, key]) => `${table}/${regionOf(table === 'counted' ? Number(key) : `${key}`)}`)
        .sort(),
    )
    db.close()
    await page.leave()
  })

  it('are found under the key that the database gave, also past a hook of the host', async () => {
    const { page, describe } = await loadTracked()
    const db = describe('numbered')
    db.use(grayWrites(page.gray))
    db.logs.hook('creating', () => undefined)
    const given = await db.logs.add({ text: 'first' } as never)
    const changes = await dexieSource(db).changes?.('logs')
    expect(changes && keysIn(changes)).toEqual([given])
    db.close()
    await page.leave()
  })

  it.each<[string, (db: CardDatabase) => Promise<unknown>]>([
    ['bulkPut', ({ cards }) => cards.bulkPut([{ id: 'b' }, {} as Card])],
    [
      'bulkPut with a key of null',
      ({ cards }) => cards.bulkPut([{ id: 'b' }, { id: null as never }]),
    ],
    ['bulkDelete', ({ cards }) => cards.bulkDelete(['a', null as never])],
  ])('of %s that ends at a key that is none are not there', async (_, write) => {
    const { page, describe } = await loadTracked()
    const db = describe('tracked')
    db.use(grayWrites(page.gray))
    await db.cards.add({ id: 'a' })
    const writing = db.transaction('rw', db.cards, async () => {
      await write(db).catch(() => undefined)
    })
    await expect(writing).rejects.toThrow()
    expect(await db.cards.toCollection().primaryKeys()).toEqual(['a'])
    expect(keysIn(await changesOf(db))).toEqual(['a'])
    db.close()
    await page.leave()
  })

  it('are noted on the disk once for a region, until they were judged', async () => {
    const { page } = await loadTracked()
    const changes = await changesOf(page.legacy)
    const noted = [`cards/${regionOf('a')}`]
    await page.legacy.cards.put({ id: 'a' })
    await page.legacy.cards.put({ id: 'a', text: 'again' })
    expect(await onDisk(page.legacy)).toEqual(noted)
    await changes.checkpoint()
    expect(await onDisk(page.legacy)).toEqual(noted)
    await judgeAll(changes)
    expect(await onDisk(page.legacy)).toEqual([])
    await page.legacy.cards.put({ id: 'a', text: 'later' })
    expect(await onDisk(page.legacy)).toEqual(noted)
    await page.leave()
  })

  it('whose note on the disk finds no room are taken back', async () => {
    const { page, disk } = await loadTracked()
    disk.refuses = 'graysyncIntents'
    const writing = page.legacy.logs.put({ id: 'a' })
    await expect(writing).rejects.toThrow('no room')
    disk.refuses = null
    expect(await page.legacy.logs.count()).toBe(0)
    expect(await onDisk(page.legacy)).toEqual([])
    await page.leave()
  })

  it('of another page are not taken over where the disk has no room for it', async () => {
    const { page, load, disk } = await loadTracked()
    await page.legacy.cards.put({ id: 'a' })
    page.tab.kill()
    page.legacy.close()
    const next = await load('legacy')
    await next.legacy.open()
    disk.refuses = 'graysyncIntents'
    await expect(changesOf(next.legacy)).rejects.toThrow('no room')
    disk.refuses = null
    expect(regionsIn(await changesOf(next.legacy))).toEqual([regionOf('a')])
    await next.leave()
  })

  it('of a former life are found as regions', async () => {
    const { page, load } = await loadTracked()
    await page.legacy.cards.bulkPut([{ id: 'a' }, { id: 'b' }])
    page.tab.kill()
    page.legacy.close()
    const next = await load('legacy')
    const changes = await changesOf(next.legacy)
    expect(keysIn(changes)).toEqual([])
    expect(regionsIn(changes)).toEqual([regionOf('a'), regionOf('b')].sort((a, b) => a - b))
    expect(changes.isWaiting('a')).toBe(true)
    await judgeAll(changes)
    expect(await onDisk(next.legacy)).toEqual([])
    await next.leave()
  })

  it('of another page are found as regions, also after its notes were taken over', async () => {
    const { page, load } = await loadTracked()
    const other = await load('legacy')
    await other.legacy.cards.put({ id: 'a' })
    const first = await changesOf(page.legacy)
    expect(regionsIn(first)).toEqual([regionOf('a')])
    await judgeAll(first)
    expect(await onDisk(page.legacy)).toEqual([])
    // It believes that its note is on the disk, and learns inside the transaction that it is not.
    await other.legacy.cards.put({ id: 'a', text: 'again' })
    expect(regionsIn(await changesOf(page.legacy))).toEqual([regionOf('a')])
    await page.leave()
    await other.leave()
  })

  it('are unknown where the database is not watched', async () => {
    const { page, describe } = await loadTracked()
    expect(await dexieSource(describe('legacy')).changes?.('cards')).toBeNull()
    const shown = dexieSource(describe('legacy'), { tracked: page.legacy })
    await page.legacy.cards.put({ id: 'a' })
    const changes = await shown.changes?.('cards')
    expect(changes && keysIn(changes)).toEqual(['a'])
    await page.leave()
  })

  it('are unknown while the app has closed the database, and do not open it', async () => {
    const { page, describe } = await loadTracked()
    const db = describe('legacy')
    db.use(grayWrites(page.gray))
    const source = dexieSource(db)
    expect(await source.changes?.('cards')).not.toBeNull()
    db.close()
    expect(await source.changes?.('cards')).toBeNull()
    expect(db.isOpen()).toBe(false)
    await page.leave()
  })
})
