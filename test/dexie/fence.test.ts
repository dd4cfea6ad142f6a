import { describe, expect, it } from 'vitest'
import { readJournal } from '../../src/engine/journal.js'
import { GraySyncError } from '../../src/model/errors.js'
import type { Replica } from '../../src/model/writes.js'
import { connectControl } from '../../src/store/control.js'
import { type CardDatabase, createDexieProfile } from '../support/dexie-profile.js'
import { rest } from '../support/session.js'

const replicaOf = (db: CardDatabase): Promise<Replica> => db.table('graysyncFence').get('replica')
const keysOf = (db: CardDatabase) => db.cards.toCollection().primaryKeys()

/** A profile that used legacy, where another page has moved to refactored since. */
async function moveOn() {
  const profile = await createDexieProfile()
  const first = await profile.load('legacy')
  await first.gray.start()
  await first.legacy.cards.bulkPut([
    { id: 'a', text: '1' },
    { id: 'b', text: '2' },
  ])
  await expect.poll(() => profile.engines.legacy.fake.disk.queue.length).toBe(2)
  const engine = profile.engines.legacy.own as CardDatabase
  const second = await profile.load('refactored')
  // The engine is not told: it goes on by itself, as that of a page does which slept.
  first.tab.kill()
  await second.gray.start()
  expect(second.gray.getSnapshot()).toMatchObject({ phase: 'running', running: 'refactored' })
  return { ...profile, first, second, engine }
}

describe('a write of the app', () => {
  it('is refused inside its transaction once the other engine owns the profile, and takes all of it back', async () => {
    const { first, second, engines } = await moveOn()
    const { legacy } = first
    await expect(legacy.cards.put({ id: 'late' })).rejects.toMatchObject({
      code: 'FENCED',
      message: expect.stringContaining('legacy: refactored owns the profile'),
    })
    await expect(legacy.cards.bulkDelete(['a'])).rejects.toBeInstanceOf(GraySyncError)
    await expect(legacy.cards.clear()).rejects.toMatchObject({ code: 'FENCED' })
    expect(await keysOf(legacy)).toEqual(['a', 'b'])
    expect(await keysOf(second.refactored)).toEqual(['a', 'b'])
    expect(engines.refactored.fake.disk.queue).toHaveLength(2)
    await second.leave()
    first.legacy.close()
  })

  it('that is refused takes the whole transaction back, also where the app swallows the error', async () => {
    const { first, second } = await moveOn()
    const { legacy } = first
    const writing = legacy.transaction('rw', legacy.cards, legacy.logs, async () => {
      await legacy.logs.add({ text: 'of the same transaction' } as never).catch(() => undefined)
      await legacy.cards.put({ id: 'late' }).catch(() => undefined)
    })
    await expect(writing).rejects.toThrow()
    expect(await legacy.logs.count()).toBe(0)
    expect(await keysOf(legacy)).toEqual(['a', 'b'])
    await second.leave()
    first.legacy.close()
  })

  it('that is refused is an event, and the page is asked to reload', async () => {
    const profile = await createDexieProfile()
    const first = await profile.load('legacy')
    await first.gray.start()
    await first.legacy.cards.put({ id: 'a' })
    const wanted: string[] = []
    first.gray.on('reloadWanted', ({ to }) => wanted.push(to))
    const second = await profile.load('refactored')
    await second.gray.start()
    first.tab.loseLocks()
    await expect.poll(() => second.gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    const writing = first.legacy.cards.put({ id: 'late' })
    await expect(writing).rejects.toMatchObject({ code: 'FENCED' })
    expect(first.fenced.length).toBeGreaterThan(0)
    expect(wanted).toEqual(['refactored'])
    expect(first.gray.getSnapshot().reload).toBe('wanted')
    await second.leave()
    await first.leave()
  })

  it('goes to the store of the new owner, and is captured there', async () => {
    const { second, engines, first } = await moveOn()
    await second.refactored.cards.put({ id: 'c', text: '3' })
    await expect
      .poll(() => engines.refactored.fake.disk.queue.map(({ op }) => op.entityId))
      .toEqual(['a', 'b', 'c'])
    await second.leave()
    first.legacy.close()
  })

  it('is refused also by a database that Dexie opened again by itself', async () => {
    const { first, second } = await moveOn()
    first.legacy.close({ disableAutoOpen: false })
    await expect(first.legacy.cards.put({ id: 'late' })).rejects.toMatchObject({ code: 'FENCED' })
    expect(first.legacy.isOpen()).toBe(true)
    await second.leave()
    first.legacy.close()
  })
})

describe('a write of an engine', () => {
  it('is refused once another engine owns the profile', async () => {
    const { engine, second, first } = await moveOn()
    await expect(engine.cards.put({ id: 'pulled' })).rejects.toMatchObject({ code: 'FENCED' })
    expect(await keysOf(first.legacy)).toEqual(['a', 'b'])
    await second.leave()
    first.legacy.close()
  })

  it('is refused once another page runs the same engine', async () => {
    const profile = await createDexieProfile()
    const first = await profile.load('legacy')
    await first.legacy.open()
    await first.gray.start()
    const stale = profile.engines.legacy.own as CardDatabase
    await stale.cards.put({ id: 'pulled' })
    const second = await profile.load('legacy')
    first.tab.kill()
    await second.gray.start()
    await expect(stale.cards.put({ id: 'late' })).rejects.toMatchObject({ code: 'FENCED' })
    await profile.engines.legacy.own?.cards.put({ id: 'fresh' })
    expect(await keysOf(first.legacy)).toEqual(['fresh', 'pulled'])
    await second.leave()
    first.legacy.close()
  })

  it('is no operation', async () => {
    const profile = await createDexieProfile()
    const page = await profile.load('legacy')
    await page.gray.start()
    await profile.engines.legacy.own?.cards.put({ id: 'pulled' })
    expect(await page.gray.openOperations()).toEqual([])
    await page.leave()
  })
})

describe('a replica', () => {
  it('follows the control record through a handover there and back', async () => {
    const profile = await createDexieProfile()
    const first = await profile.load('legacy')
    await Promise.all([first.legacy.open(), first.refactored.open()])
    await first.gray.start()
    await expect.poll(() => replicaOf(first.legacy)).toMatchObject({ flip: 1, owner: 'legacy' })
    await first.leave()
    const second = await profile.load('refactored')
    await second.gray.start()
    expect(await replicaOf(second.legacy)).toMatchObject({ flip: 3, owner: 'refactored' })
    expect(await replicaOf(second.refactored)).toMatchObject({ flip: 3, owner: 'refactored' })
    await second.leave()
    const third = await profile.load('legacy', { kill: true })
    await third.gray.start()
    expect(await replicaOf(third.legacy)).toMatchObject({ flip: 5, owner: 'legacy' })
    expect(await replicaOf(third.refactored)).toMatchObject({ flip: 5, owner: 'legacy' })
    await third.leave()
  })

  it('of a database that is first opened after the boot is raised then', async () => {
    const profile = await createDexieProfile()
    const page = await profile.load('legacy')
    await page.gray.start()
    await page.legacy.cards.put({ id: 'a' })
    await expect.poll(() => replicaOf(page.legacy)).toMatchObject({ flip: 1, owner: 'legacy' })
    await page.leave()
  })

  it('is raised also where the page has not opened its database', async () => {
    const profile = await createDexieProfile()
    const first = await profile.load('legacy')
    await first.legacy.cards.put({ id: 'a' })
    await first.gray.start()
    await first.leave()
    const second = await profile.load('refactored')
    await second.gray.start()
    expect(second.legacy.isOpen()).toBe(false)
    expect(await replicaOf(second.legacy)).toMatchObject({ flip: 3, owner: 'refactored' })
    await second.leave()
  })

  it('that can not be reached inside the fence ends the handover before anything is read', async () => {
    const profile = await createDexieProfile()
    const first = await profile.load('legacy')
    await first.legacy.cards.put({ id: 'a' })
    await first.gray.start()
    await first.leave()
    const second = await profile.load('refactored')
    const off = second.gray.subscribe(() => {
      const snapshot = second.gray.getSnapshot()
      if (snapshot.phase !== 'handover' || snapshot.step !== 'fenced') return
      off()
      // A tab that sleeps inside a transaction holds up every other one.
      profile.disk.stalls = 'legacy'
    })
    void second.gray.start()
    for (let turn = 0; turn < 200 && second.gray.getSnapshot().phase !== 'running'; turn++) {
      await rest()
      if (profile.disk.stalls !== null) profile.world.advance(500)
    }
    profile.disk.stalls = null
    expect(second.gray.getSnapshot()).toMatchObject({
      running: 'legacy',
      blocked: { by: 'STORE_BLOCKED' },
    })
    const control = connectControl(second.tab)
    const kinds = (await readJournal(control)).entries.map(({ kind }) => kind)
    expect(kinds).toContain('handover.aborted')
    expect(kinds).not.toContain('handover.saved')
    control.close()
    await second.leave()
  })

  it('that can not be reached does not hold up the boot, which says so', async () => {
    const profile = await createDexieProfile()
    const first = await profile.load('legacy')
    await first.legacy.cards.put({ id: 'a' })
    await first.gray.start()
    await first.leave()
    // A tab that sleeps inside a transaction holds up every other one.
    profile.disk.stalls = 'legacy'
    const second = await profile.load('legacy')
    const starting = second.gray.start()
    for (let turn = 0; turn < 200 && second.gray.getSnapshot().phase === 'starting'; turn++) {
      await rest()
      profile.world.advance(500)
    }
    const snapshot = await starting
    profile.disk.stalls = null
    await expect
      .poll(() => second.gray.getSnapshot())
      .toMatchObject({
        phase: 'running',
        running: 'legacy',
        blocked: { by: 'STORE_BLOCKED', fix: expect.stringContaining('"legacy" does not answer') },
      })
    expect(snapshot.phase).not.toBe('halted')
    await second.leave()
  })
})

describe('where the control record can not be read', () => {
  it('the owner’s engine writes by what its replica says, and is handed what is captured', async () => {
    const profile = await createDexieProfile()
    const first = await profile.load('legacy')
    await first.legacy.cards.put({ id: 'a', text: '1' })
    await first.gray.start()
    await first.leave()
    const { factory } = profile.disk
    const open = factory.open.bind(factory)
    factory.open = (name, version) => {
      if (name.startsWith('graysync')) throw new DOMException('refused', 'SecurityError')
      return open(name, version)
    }
    const second = await profile.load('legacy')
    await second.gray.start()
    expect(second.gray.getSnapshot()).toMatchObject({
      running: 'legacy',
      blocked: { by: 'STORE' },
    })
    await profile.engines.legacy.own?.cards.put({ id: 'pulled' })
    await second.legacy.cards.put({ id: 'b', text: '2' })
    await expect
      .poll(() => profile.engines.legacy.fake.disk.queue.map(({ op }) => op.entityId))
      .toEqual(['a', 'b'])
    expect(await keysOf(second.legacy)).toEqual(['a', 'b', 'pulled'])
    await second.leave()
  })
})

describe('the tier', () => {
  it('falls at run time when an engine does not stop clean, and the handle tells', async () => {
    const profile = await createDexieProfile()
    const { legacy, refactored } = profile.engines
    profile.world.answer(async (request) => {
      const headers = { 'graysync-term': request.headers.get('graysync-term') ?? '' }
      return new Response(null, {
        headers: { ...headers, 'graysync-outcome': await request.text() },
      })
    })
    let isClean = true
    for (const engine of [legacy, refactored]) {
      const { start } = engine
      engine.start = async (ctx) => {
        const running = await start(ctx)
        for (const body of ['duplicate', 'applied']) {
          await ctx.fetch('https://server.test/', { method: 'POST', body })
        }
        return {
          ...running,
          async stop(o) {
            await running?.stop?.(o)
            return { clean: isClean, inflight: [] }
          },
        }
      }
    }
    const tiers = async (engine: 'legacy' | 'refactored', body?: string) => {
      const page = await profile.load(engine)
      const changes: string[] = []
      page.gray.on('guaranteeChanged', ({ tier }) => changes.push(tier))
      await Promise.all([page.legacy.open(), page.refactored.open()])
      await page.gray.start()
      const present = engine === 'legacy' ? legacy : refactored
      if (body) {
        const ctx = present.fake.starts.at(-1)
        await ctx?.fetch('https://server.test/', { method: 'POST', body })
      }
      await page.leave()
      return { tier: page.gray.guarantee.tier, changes }
    }
    await tiers('legacy', 'fenced')
    expect((await tiers('refactored')).tier).toBe('fenced')
    isClean = false
    const { changes } = await tiers('refactored')
    expect(changes).toEqual(['keyed', 'fenced', 'keyed'])
  })
})
