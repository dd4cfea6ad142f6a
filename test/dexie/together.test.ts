import { describe, expect, it } from 'vitest'
import { dexieSource, fenceWrites, grayWrites } from '../../src/dexie.js'
import type { EngineContext } from '../../src/model/engine.js'
import { connectControl, readFact } from '../../src/store/control.js'
import { createDexieProfile, type Loaded, toOperation } from '../support/dexie-profile.js'
import { rest } from '../support/session.js'

// Loaded after the start, and here beforehand: a test waits for no file.
await import('../../src/client/patrol.js')
await import('../../src/flows/audit.js')

/** One instance, where each of two parts of the app brings a table of its own. */
async function describeParts() {
  const profile = await createDexieProfile()
  const use = ({ gray }: Loaded) => {
    const db = profile.describe('parts')
    db.use(grayWrites(gray, { cards: toOperation }, { store: 'legacy' }))
    const toLog: typeof toOperation = (change) => ({ ...toOperation(change), entity: 'logs' })
    db.use(grayWrites(gray, { logs: toLog }, { store: 'legacy' }))
    return db
  }
  return { profile, use }
}

const logged = async ({ gray }: Loaded) =>
  (await gray.openOperations()).map(({ op }) => `${op.entity}/${op.entityId}`)

describe('two grayWrites on one instance', () => {
  it('capture each its own tables, and track every row', async () => {
    const { profile, use } = await describeParts()
    const page = await profile.load('legacy')
    const db = use(page)
    await db.transaction('rw', db.cards, db.logs, async () => {
      await db.cards.put({ id: 'a' })
      await db.logs.put({ id: 'b' })
    })
    expect(await logged(page)).toEqual(['cards/a', 'logs/b'])
    const source = dexieSource(db)
    for (const [table, key] of [
      ['cards', 'a'],
      ['logs', 'b'],
    ] as const) {
      const marks = (await source.changes?.(table))?.take(10)
      expect(marks?.map((mark) => mark.key)).toEqual([key])
    }
    db.close()
    await page.leave()
  })

  it('refuse a write once, and know their database once', async () => {
    const { profile, use } = await describeParts()
    const first = await profile.load('legacy')
    const db = use(first)
    await first.gray.start()
    await db.cards.put({ id: 'a' })
    await rest()
    const control = connectControl(first.tab)
    expect(await readFact(control, 'databases')).toEqual([{ name: 'parts', store: 'legacy' }])
    control.close()
    const second = await profile.load('refactored')
    await second.gray.start()
    first.tab.loseLocks()
    await expect.poll(() => second.gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    const before = first.fenced.length
    for (const table of [db.cards, db.logs]) {
      await expect(table.put({ id: 'late' })).rejects.toMatchObject({ code: 'FENCED' })
      expect(await table.get('late')).toBeUndefined()
    }
    expect(first.fenced).toHaveLength(before + 2)
    db.close()
    await second.leave()
    await first.leave()
  })

  it('that name the same tables count once, the later one', async () => {
    const profile = await createDexieProfile()
    const page = await profile.load('legacy')
    const db = profile.describe('anew')
    for (const entity of ['before', 'after']) {
      db.use(grayWrites(page.gray, { cards: (change) => ({ ...toOperation(change), entity }) }))
    }
    await db.cards.put({ id: 'a' })
    expect(await logged(page)).toEqual(['after/a'])
    db.close()
    await page.leave()
  })

  it.each(['the earlier', 'the later'])(
    'give a row that both capture one operation, where %s has more tables',
    async (which) => {
      const profile = await createDexieProfile()
      const page = await profile.load('legacy')
      const db = profile.describe('anew')
      for (const entity of ['before', 'after']) {
        const toTold: typeof toOperation = (change) => ({ ...toOperation(change), entity })
        const hasMore = (which === 'the earlier') === (entity === 'before')
        db.use(grayWrites(page.gray, { cards: toTold, ...(hasMore && { logs: toTold }) }))
      }
      await db.cards.put({ id: 'a' })
      await db.logs.put({ id: 'b' })
      const logs = which === 'the earlier' ? 'before/b' : 'after/b'
      expect(await logged(page)).toEqual(['after/a', logs])
      db.close()
      await page.leave()
    },
  )
})

describe('grayWrites and fenceWrites on one instance', () => {
  it('let through what both do, and capture it', async () => {
    const profile = await createDexieProfile()
    const page = await profile.load('legacy')
    await page.gray.start()
    const [ctx] = profile.engines.legacy.fake.starts
    const db = profile.describe('shared')
    db.use(grayWrites(page.gray, { cards: toOperation }))
    db.use(fenceWrites(ctx as EngineContext))
    await db.cards.put({ id: 'a' })
    expect(await logged(page)).toEqual(['cards/a'])
    // The engine is stopped, and with it its right to write.
    page.tab.live('freeze')
    await rest()
    await expect(db.cards.put({ id: 'b' })).rejects.toMatchObject({ code: 'FENCED' })
    expect(await db.cards.toCollection().primaryKeys()).toEqual(['a'])
    db.close()
    await page.leave()
  })
})
