import { Dexie } from 'dexie'
import { describe, expect, it } from 'vitest'
import { grayStores, grayWrites } from '../../src/dexie.js'
import type { GraySync } from '../../src/model/handle.js'
import type { RowOperation } from '../../src/testing.js'
import {
  type Card,
  type CardDatabase,
  createDexieProfile,
  toOperation,
} from '../support/dexie-profile.js'

/** What the op-log holds of captured writes: kind, id and text. */
async function logged(gray: GraySync<RowOperation>): Promise<unknown[]> {
  const open = await gray.openOperations()
  return open.map(({ op }) =>
    op.row ? [op.kind, op.entityId, op.row.text] : [op.kind, op.entityId],
  )
}

describe('a write to a captured table', () => {
  it('is taken with its operation, which reaches the engine as applied', async () => {
    const { load, engines } = await createDexieProfile()
    const page = await load('legacy')
    await page.gray.start()
    await page.legacy.cards.put({ id: 'a', text: 'one' })
    await expect.poll(() => engines.legacy.fake.disk.queue.length).toBe(1)
    const [open] = await page.gray.openOperations()
    expect(open).toMatchObject({
      userId: 'user',
      op: { entity: 'cards', entityId: 'a', kind: 'put', row: { id: 'a', text: 'one' } },
    })
    // A fake engine that applies writes to a store of its own.
    expect(engines.legacy.fake.disk.rows.size).toBe(0)
    expect(await page.legacy.table('graysyncCaptured').count()).toBe(0)
    engines.legacy.fake.acknowledge()
    await expect.poll(() => page.gray.openOperations()).toEqual([])
    await page.leave()
  })

  it('of every kind becomes one operation a row, in order', async () => {
    const { load } = await createDexieProfile()
    const page = await load('legacy')
    const { cards } = page.legacy
    await cards.bulkAdd([{ id: 'a' }, { id: 'b' }, { id: 'c' }])
    await cards.update('a', { text: 'updated' })
    await cards.where('id').above('a').modify({ text: 'modified' })
    await cards.bulkDelete(['b'])
    await cards.where(':id').between('c', 'd').delete()
    await cards.upsert('d', { text: 'upserted' })
    await cards.clear()
    expect(await logged(page.gray)).toEqual([
      ['put', 'a', undefined],
      ['put', 'b', undefined],
      ['put', 'c', undefined],
      ['put', 'a', 'updated'],
      ['put', 'b', 'modified'],
      ['put', 'c', 'modified'],
      ['delete', 'b'],
      ['delete', 'c'],
      ['put', 'd', 'upserted'],
      ['delete', 'a'],
      ['delete', 'd'],
    ])
    await page.leave()
  })

  it('with a key that the database gives carries that key', async () => {
    const { load, describe } = await createDexieProfile()
    const page = await load('legacy')
    const db = describe('numbered')
    db.use(grayWrites(page.gray, { logs: toOperation }))
    const given = await db.logs.add({ text: 'first' } as never)
    expect(await logged(page.gray)).toEqual([['put', String(given), 'first']])
    db.close()
    await page.leave()
  })

  it.each([
    ['', '++id'],
    [' deep inside of it', '++at.id'],
  ])(
    'tells the row as it is in the table, also where the database put its key%s',
    async (_, key) => {
      const { load, disk } = await createDexieProfile()
      const page = await load('legacy')
      const db = new Dexie('numbered', { indexedDB: disk.factory, IDBKeyRange })
      db.version(1).stores({ logs: key, ...grayStores })
      const told: unknown[] = []
      db.use(
        grayWrites(page.gray, {
          logs(change) {
            told.push('row' in change && change.row)
            return toOperation(change)
          },
        }),
      )
      const logs = db.table('logs')
      await logs.bulkAdd([{ text: 'first' }, { text: 'second', at: { noon: true } }])
      expect(told).toEqual(await logs.toArray())
      db.close()
      await page.leave()
    },
  )

  it('that is aborted leaves neither row nor operation', async () => {
    const { load } = await createDexieProfile()
    const page = await load('legacy')
    const { legacy } = page
    await expect(
      legacy.transaction('rw', legacy.cards, async () => {
        await legacy.cards.put({ id: 'a' })
        throw new Error('of the app')
      }),
    ).rejects.toThrow('of the app')
    expect(await legacy.cards.count()).toBe(0)
    expect(await logged(page.gray)).toEqual([])
    await page.leave()
  })

  it('that finds no room at its commit leaves neither row nor operation', async () => {
    const { load, disk } = await createDexieProfile()
    const page = await load('legacy')
    await page.legacy.open()
    disk.full = true
    await expect(page.legacy.cards.put({ id: 'a' })).rejects.toThrow()
    disk.full = false
    expect(await page.legacy.cards.count()).toBe(0)
    expect(await logged(page.gray)).toEqual([])
    await page.leave()
  })

  it('whose operation alone finds no room leaves neither, also where the app swallows the error', async () => {
    const { load, disk } = await createDexieProfile()
    const page = await load('legacy')
    const { cards } = page.legacy
    await page.legacy.open()
    disk.refuses = 'graysyncCaptured'
    let told: unknown
    const writing = page.legacy.transaction('rw', cards, async () => {
      await cards.put({ id: 'a' }).catch((cause) => {
        told = cause
      })
    })
    await expect(writing).rejects.toThrow()
    disk.refuses = null
    expect(told).toMatchObject({ name: 'QuotaExceededError' })
    expect(await cards.count()).toBe(0)
    expect(await logged(page.gray)).toEqual([])
    await page.leave()
  })

  it('stays beside its row while the op-log has no room, and is taken once it has', async () => {
    const { load, disk } = await createDexieProfile()
    const page = await load('legacy')
    await page.legacy.cards.put({ id: 'a', text: 'one' })
    await expect.poll(() => logged(page.gray)).toEqual([['put', 'a', 'one']])
    disk.full = (stores) => stores.contains('oplog')
    await page.legacy.cards.put({ id: 'b', text: 'two' })
    const isFull = new Promise((resolve) => page.gray.on('error', resolve))
    await page.gray.enqueue(toOperation({ type: 'delete', key: 'c' })).catch(() => undefined)
    expect(await isFull).toMatchObject({ code: 'QUOTA' })
    disk.full = false
    await page.legacy.cards.put({ id: 'c', text: 'three' })
    await expect
      .poll(() => logged(page.gray))
      .toEqual([
        ['put', 'a', 'one'],
        ['put', 'b', 'two'],
        ['put', 'c', 'three'],
      ])
    await page.leave()
  })

  it('is no operation where the app says so', async () => {
    const { load, describe } = await createDexieProfile()
    const page = await load('legacy')
    const db = describe('some')
    db.use(grayWrites(page.gray, { cards: () => null }))
    await db.cards.put({ id: 'a' })
    await db.logs.put({ id: 'b' })
    expect(await db.cards.count()).toBe(1)
    expect(await logged(page.gray)).toEqual([])
    db.close()
    await page.leave()
  })

  it.each(['entityId', 'opId'])(
    'takes its row back where the %s of its operation is empty',
    async (field) => {
      const { load, describe } = await createDexieProfile()
      const page = await load('legacy')
      const db = describe('broken')
      db.use(
        grayWrites(page.gray, {
          cards: (change) => ({
            ...toOperation(change),
            ...(change.key === 'a' && { [field]: '' }),
          }),
        }),
      )
      await expect(db.cards.put({ id: 'a' })).rejects.toMatchObject({
        code: 'OPTION',
        message: `captured operation.${field}: a text is needed, got `,
      })
      await db.cards.put({ id: 'b' })
      expect(await db.cards.toCollection().primaryKeys()).toEqual(['b'])
      expect(await logged(page.gray)).toEqual([['put', 'b', undefined]])
      db.close()
      await page.leave()
    },
  )

  it.each<[string, (cards: CardDatabase['cards']) => Promise<unknown>]>([
    ['clear', (cards) => cards.clear()],
    ['delete of a range', (cards) => cards.where(':id').above('').delete()],
    ['delete', (cards) => cards.delete('a')],
  ])('is none where the browser refuses a %s, and the app goes on', async (_, drop) => {
    const { load, disk } = await createDexieProfile()
    const page = await load('legacy')
    const { cards } = page.legacy
    await cards.put({ id: 'a', text: 'kept' })
    disk.refuses = 'cards'
    await page.legacy.transaction('rw', cards, () => drop(cards).catch(() => undefined))
    disk.refuses = null
    expect(await cards.toArray()).toEqual([{ id: 'a', text: 'kept' }])
    expect(await logged(page.gray)).toEqual([['put', 'a', 'kept']])
    await page.leave()
  })

  it('that refuses some rows captures the others', async () => {
    const { load } = await createDexieProfile()
    const page = await load('legacy')
    const { cards } = page.legacy
    await cards.add({ id: 'b', text: 'before' })
    await page.legacy.transaction('rw', cards, () =>
      cards.bulkAdd([{ id: 'a' }, { id: 'b' }, { id: 'c' }]).catch(() => undefined),
    )
    expect(await cards.toCollection().primaryKeys()).toEqual(['a', 'b', 'c'])
    expect(await logged(page.gray)).toEqual([
      ['put', 'b', 'before'],
      ['put', 'a', undefined],
      ['put', 'c', undefined],
    ])
    await page.leave()
  })

  it.each<[string, (cards: CardDatabase['cards']) => Promise<unknown>]>([
    ['bulkPut', (cards) => cards.bulkPut([{ id: 'b' }, {} as Card])],
    ['bulkAdd', (cards) => cards.bulkAdd([{ id: 'b' }, {} as Card])],
    ['bulkDelete', (cards) => cards.bulkDelete(['a', null as never])],
  ])(
    'of %s that ends at a key that is none takes its transaction back, also where the app swallows the error',
    async (_, write) => {
      const { load } = await createDexieProfile()
      const page = await load('legacy')
      const { cards } = page.legacy
      await cards.add({ id: 'a', text: 'before' })
      let told: unknown
      const writing = page.legacy.transaction('rw', cards, async () => {
        await write(cards).catch((cause) => {
          told = cause
        })
      })
      await expect(writing).rejects.toThrow()
      expect(told).toMatchObject({ name: 'DataError' })
      expect(await cards.toCollection().primaryKeys()).toEqual(['a'])
      expect(await logged(page.gray)).toEqual([['put', 'a', 'before']])
      await page.leave()
    },
  )

  it('holds the row as it was given, whatever the app does to it then', async () => {
    const { load } = await createDexieProfile()
    const page = await load('legacy')
    await page.legacy.open()
    const card = { id: 'a', text: 'given' }
    const writing = page.legacy.cards.put(card)
    card.text = 'changed'
    await writing
    const { text } = (await page.legacy.cards.get('a')) ?? {}
    expect(await logged(page.gray)).toEqual([['put', 'a', text]])
    await page.leave()
  })
})

describe('captured operations', () => {
  it('come before what is enqueued after them', async () => {
    const { load, engines } = await createDexieProfile()
    const page = await load('legacy')
    await page.gray.start()
    const { cards } = page.legacy
    await page.legacy.transaction('rw', cards, async () => {
      await cards.put({ id: 'a', text: '1' })
      await cards.put({ id: 'a', text: '2' })
    })
    await page.gray.enqueue({ entity: 'cards', entityId: 'a', kind: 'put', row: { text: '3' } })
    expect(await logged(page.gray)).toEqual([
      ['put', 'a', '1'],
      ['put', 'a', '2'],
      ['put', 'a', '3'],
    ])
    await expect
      .poll(() => engines.legacy.fake.disk.queue.map(({ op }) => op.row?.text))
      .toEqual(['1', '2', '3'])
    await page.leave()
  })

  it('of a page whose handle never started are found by the next one', async () => {
    const { load, engines } = await createDexieProfile()
    const first = await load('legacy')
    await first.legacy.cards.bulkPut([
      { id: 'a', text: '1' },
      { id: 'b', text: '2' },
    ])
    first.tab.kill()
    first.legacy.close()
    const second = await load('legacy')
    await second.legacy.open()
    await second.gray.start()
    await expect.poll(() => engines.legacy.fake.disk.queue.length).toBe(2)
    await second.leave()
  })

  it('of a new database, before any handle has opened it, are in its store already', async () => {
    const { load, engines } = await createDexieProfile()
    const applied: unknown[] = []
    const { start } = engines.legacy
    engines.legacy.start = async (ctx) => {
      const running = await start(ctx)
      return {
        async push(op, o) {
          applied.push(o.applied)
          await running?.push?.(op, o)
        },
      }
    }
    const page = await load('legacy')
    await page.legacy.cards.put({ id: 'a', text: '1' })
    await page.gray.start()
    await expect.poll(() => applied).toEqual([true])
    await page.leave()
  })

  it('are appended once, however often a crash repeats the move', async () => {
    const { load, engines } = await createDexieProfile()
    const page = await load('legacy')
    await page.gray.start()
    await page.legacy.cards.put({ id: 'a', text: '1' })
    await expect.poll(() => engines.legacy.fake.disk.queue.length).toBe(1)
    const [open] = await page.gray.openOperations()
    // As a tab leaves it that died between the append and the deletion.
    await page.legacy.table('graysyncCaptured').add({ ...open, flip: 1, at: 0 })
    await page.gray.enqueue({ entity: 'cards', entityId: 'b', kind: 'delete' })
    expect(await logged(page.gray)).toEqual([
      ['put', 'a', '1'],
      ['delete', 'b'],
    ])
    expect(await page.legacy.table('graysyncCaptured').count()).toBe(0)
    await page.leave()
  })

  it('of a follower reach the engine of the tab that leads', async () => {
    const { load, engines } = await createDexieProfile()
    const leader = await load('legacy')
    await leader.gray.start()
    const follower = await load('legacy')
    await follower.gray.start()
    expect(follower.gray.getSnapshot()).toMatchObject({ role: 'follower' })
    await follower.legacy.cards.put({ id: 'a', text: '1' })
    await expect.poll(() => engines.legacy.fake.disk.queue.length).toBe(1)
    await leader.leave()
    await follower.leave()
  })
})

describe('a captured table that the database does not have', () => {
  const versions = (factory: IDBFactory, ...tables: string[][]) => {
    const db = new Dexie('app', { indexedDB: factory, IDBKeyRange })
    for (const [at, names] of tables.entries()) {
      const stores = Object.fromEntries(names.map((name) => [name, 'id']))
      db.version(at + 1).stores({ ...stores, ...grayStores })
    }
    return db
  }
  const loadTold = async () => {
    const { load, disk } = await createDexieProfile()
    const page = await load('legacy')
    const told: unknown[] = []
    page.gray.on('error', ({ code, message }) => told.push([code, message]))
    return { page, told, factory: disk.factory }
  }

  it('is told of by its name at the first write, once, and the write goes through', async () => {
    const { page, told, factory } = await loadTold()
    const db = versions(factory, ['cards'])
    db.use(grayWrites(page.gray, { card: toOperation }))
    expect(await db.table('cards').count()).toBe(0)
    expect(told).toEqual([])
    await db.table('cards').bulkPut([{ id: 'a' }, { id: 'b' }])
    await db.table('cards').put({ id: 'c' })
    expect(told).toEqual([['OPTION', 'grayWrites: "app" has no table "card"']])
    expect(await db.table('cards').count()).toBe(3)
    db.close()
    await page.leave()
  })

  it('is captured from the version of the schema on that brings it, and not told of while that is made', async () => {
    const { page, told, factory } = await loadTold()
    const before = versions(factory, ['cards'])
    await before.table('cards').put({ id: 'a' })
    before.close()
    const db = versions(factory, ['cards'], ['cards', 'decks'])
    db.use(grayWrites(page.gray, { cards: toOperation, decks: toOperation }))
    await db.table('decks').put({ id: 'b' })
    expect(await logged(page.gray)).toEqual([['put', 'b', undefined]])
    expect(told).toEqual([])
    db.close()
    await page.leave()
  })
})
