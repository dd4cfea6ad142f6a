import { describe, expect, it } from 'vitest'
import { createClient } from '../../src/client/client.js'
import { dexieSource, grayWrites } from '../../src/dexie.js'
import { regionOf } from '../../src/lib/tracker.js'
import type { EngineName } from '../../src/model/operation.js'
import type { RowOperation } from '../../src/testing.js'
import { type CardDatabase, createDexieProfile, toOperation } from '../support/dexie-profile.js'

/** A profile on refactored, and a worker of its app, which has no document: the handle is inert there. */
async function loadWorker(store: EngineName) {
  const profile = await createDexieProfile()
  const page = await profile.load('refactored')
  await Promise.all([page.legacy.open(), page.refactored.open()])
  await page.gray.start()
  expect(page.gray.getSnapshot()).toMatchObject({ running: 'refactored' })
  const inert = createClient<RowOperation>({ app: { name: 'test', version: '1' } }, null)
  const db = profile.describe(store)
  const captured = {
    cards: (change: Parameters<typeof toOperation>[0]) =>
      change.key === 'pulled' ? null : toOperation(change),
  }
  db.use(grayWrites(inert, captured, { store }))
  const leave = () => {
    db.close()
    return page.leave()
  }
  return { page, db, leave }
}

const keysOf = (db: CardDatabase) => db.cards.toCollection().primaryKeys()

describe('a write where no handle runs', () => {
  it('is refused to a database whose engine does not own the profile', async () => {
    const { db, leave } = await loadWorker('legacy')
    await expect(db.logs.put({ id: 'late' })).rejects.toMatchObject({ code: 'FENCED' })
    expect(await db.logs.count()).toBe(0)
    await leave()
  })

  it('whose operation nobody takes there is refused with its transaction', async () => {
    const { page, db, leave } = await loadWorker('refactored')
    const writing = db.transaction('rw', db.cards, db.logs, async () => {
      await db.logs.put({ id: 'of the same transaction' })
      await db.cards.put({ id: 'a' }).catch(() => undefined)
    })
    await expect(writing).rejects.toThrow()
    await expect(db.cards.put({ id: 'a' })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    expect(await keysOf(db)).toEqual([])
    expect(await db.logs.count()).toBe(0)
    expect(await page.gray.openOperations()).toEqual([])
    await leave()
  })

  it('that is no operation is taken, and told to the page', async () => {
    const { page, db, leave } = await loadWorker('refactored')
    await db.cards.put({ id: 'pulled' })
    expect(await keysOf(page.refactored)).toEqual(['pulled'])
    const changes = await dexieSource(page.refactored).changes?.('cards')
    expect([...(changes?.regions().keys() ?? [])]).toEqual([regionOf('pulled')])
    await leave()
  })
})
