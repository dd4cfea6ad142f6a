import { describe, expect, it } from 'vitest'
import { grayWrites } from '../../src/dexie.js'
import { createReplicas } from '../../src/engine/replicas.js'
import type { Captured } from '../../src/model/writes.js'
import { connectControl, readFact } from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'
import { createDexieProfile, type DexieEngine, describeCards } from '../support/dexie-profile.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { rest } from '../support/session.js'

await import('../../src/client/desk.js')

describe('forget()', () => {
  it('leaves known which databases have a replica', async () => {
    const profile = await createDexieProfile()
    const page = await profile.load('legacy')
    await page.gray.start()
    await page.legacy.open()
    await rest()
    await page.gray.forget({ keepPending: true })
    const control = connectControl(page.tab)
    expect(await readFact(control, 'databases')).toEqual([{ name: 'legacy', store: 'legacy' }])
    control.close()
    await page.leave()
  })

  it('lets no write of an old owner in after the next handover', async () => {
    const profile = await createDexieProfile()
    const old = await profile.load('legacy')
    await old.gray.start()
    await old.legacy.open()
    await old.legacy.cards.put({ id: 'a' })
    await rest()
    await old.gray.forget({ keepPending: true })
    // The page lives on with its database; the lease goes to another, which opened no database of the app yet.
    old.tab.live('freeze')
    await rest()
    const next = await profile.load('refactored')
    await next.gray.start()
    expect(next.gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    await expect(old.legacy.logs.put({ id: 'b' })).rejects.toMatchObject({ code: 'FENCED' })
    old.legacy.close()
    await next.leave()
  })
})

describe('what was captured', () => {
  it('in a database that was made anew meanwhile is not taken for what was moved', async () => {
    const disk = createFaultyFactory()
    const platform = createWorld({ indexedDB: disk.factory }).tab()
    const capture = async (...ids: string[]) => {
      const db = describeCards('legacy', disk.factory)
      await db.table('graysyncCaptured').bulkAdd(
        ids.map((opId) => ({
          opId,
          op: { entity: 'cards', entityId: opId, kind: 'put', opId },
          userId: null,
          flip: 1,
          at: 1,
        })),
      )
      db.close()
    }
    await capture('1', '2', '3')
    const taken: string[] = []
    let isFirst = true
    const replicas = createReplicas(platform, null, {
      async take(captured: readonly Captured[]) {
        taken.push(...captured.map((one) => one.opId))
        if (!isFirst) return
        isFirst = false
        // The app deletes its database, as at a logout or where the site is cleared, and goes on.
        disk.cut()
        await describeCards('legacy', disk.factory).delete()
        await capture('4')
      },
      onRaised: () => {},
    })
    await replicas.add({ name: 'legacy', store: 'legacy' })
    await replicas.forward()
    await replicas.forward()
    expect(taken).toEqual(['1', '2', '3', '4'])
    replicas.close()
  })
})

describe('a row that the app writes inside the fence and enqueues as applied', () => {
  it('is in the store of the next owner', async () => {
    const profile = await createDexieProfile()
    const old = await profile.load('legacy')
    await old.gray.start()
    await old.legacy.open()
    await old.legacy.cards.put({ id: 'z' })
    await rest()
    await old.leave()
    // An app that enqueues by itself: its database is fenced and captures nothing.
    const next = await profile.load('refactored')
    const app = profile.describe('legacy')
    app.use(grayWrites(next.gray, {}, { store: 'legacy' }))
    const importer = profile.engines.refactored.queue?.importer
    if (!importer) throw new Error('none')
    const { stage } = importer
    const accepted: string[] = []
    importer.stage = async (ops, id) => {
      const ids = await stage(ops, id)
      await app.cards.put({ id: 'a', text: 'of the user' })
      const op = { entity: 'cards', entityId: 'a', kind: 'put', row: { text: 'of the user' } }
      accepted.push((await next.gray.enqueue(op, { applied: true })).opId)
      return ids
    }
    await next.gray.start()
    expect(next.gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    await rest()
    await rest()
    expect(accepted).toHaveLength(1)
    expect(profile.engines.refactored.fake.disk.queue.map(({ opId }) => opId)).toContain(
      accepted[0],
    )
    expect(await profile.describe('refactored').cards.get('a')).toMatchObject({
      text: 'of the user',
    })
    app.close()
    await next.leave()
  })
})

function beforeStart(engine: DexieEngine, work: () => Promise<unknown>) {
  const { start } = engine
  engine.start = async (ctx) => {
    await work()
    return start(ctx)
  }
}

function atStage(engine: DexieEngine, work: () => Promise<unknown>) {
  const importer = engine.queue?.importer
  if (!importer) throw new Error('none')
  const { stage } = importer
  importer.stage = async (ops, id) => {
    const ids = await stage(ops, id)
    await work()
    return ids
  }
}

async function onLegacy() {
  const profile = await createDexieProfile()
  const old = await profile.load('legacy')
  await old.gray.start()
  await old.legacy.cards.put({ id: 'z' })
  await rest()
  await old.leave()
  const page = await profile.load('refactored')
  await page.legacy.open()
  await page.refactored.open()
  return { profile, page }
}

const texts = (engine: DexieEngine) =>
  engine.fake.disk.queue.filter(({ op }) => op.entityId === 'a').map(({ op }) => op.row?.text)

describe('a row that is written inside the fence', () => {
  it('and again once it was taken back holds what was written last', async () => {
    const { profile, page } = await onLegacy()
    const { legacy, refactored } = profile.engines
    atStage(refactored, async () => {
      await page.legacy.cards.put({ id: 'a', text: '1' })
      throw new Error('of the target')
    })
    beforeStart(legacy, () => page.legacy.cards.put({ id: 'a', text: '2' }))
    await page.gray.start()
    expect(page.gray.getSnapshot()).toMatchObject({ running: 'legacy' })
    await rest()
    await rest()
    expect(texts(legacy)).toEqual(['1', '2'])
    expect(await page.legacy.cards.get('a')).toMatchObject({ text: '2' })
    await page.leave()
  })

  it('and again in the store of the next owner holds what was written last', async () => {
    const { profile, page } = await onLegacy()
    const { refactored } = profile.engines
    atStage(refactored, () => page.legacy.cards.put({ id: 'a', text: '1' }))
    beforeStart(refactored, () => page.refactored.cards.put({ id: 'a', text: '2' }))
    await page.gray.start()
    expect(page.gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    await rest()
    await rest()
    expect(texts(refactored)).toEqual(['1', '2'])
    expect(await page.refactored.cards.get('a')).toMatchObject({ text: '2' })
    await page.leave()
  })

  it('and deleted once it was taken back stays deleted', async () => {
    const { profile, page } = await onLegacy()
    const { legacy, refactored } = profile.engines
    atStage(refactored, async () => {
      await page.legacy.cards.put({ id: 'a', text: '1' })
      throw new Error('of the target')
    })
    beforeStart(legacy, () => page.legacy.cards.delete('a'))
    await page.gray.start()
    expect(page.gray.getSnapshot()).toMatchObject({ running: 'legacy' })
    await rest()
    await rest()
    expect(await page.legacy.cards.get('a')).toBeUndefined()
    await page.leave()
  })
})
