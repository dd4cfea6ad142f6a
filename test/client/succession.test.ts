import { beforeAll, describe, expect, it, vi } from 'vitest'
import { type Fact, openControl } from '../../src/store/control.js'
import type { WorldOptions } from '../../src/testing.js'
import { createDexieProfile } from '../support/dexie-profile.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { writeOnceRead } from '../support/interpose.js'
import { makeKeys, sign, type TestKeys } from '../support/rollout.js'
import {
  createProfile,
  holdClear,
  pass,
  put,
  queued,
  replacePush,
  rest,
} from '../support/session.js'
import { awaitSnapshot } from '../support/snapshot.js'

// Loaded beforehand: the manual clock must not run away meanwhile.
await import('../../src/client/patrol.js')

let keys: TestKeys
beforeAll(async () => {
  keys = await makeKeys()
})
const NOBODY = [{ name: 'all', share: 0 }]

describe('a page that is closed as it is left, and shown again before all is written', () => {
  it('does not lead any more', async () => {
    const profile = await createDexieProfile()
    const { world, disk, engines } = profile
    const page = await profile.load('legacy')
    await page.gray.start()
    await page.legacy.open()
    await rest()
    const { length } = engines.legacy.fake.starts
    // An enqueue waits for what was captured beside it.
    disk.stalls = 'legacy'
    void page.legacy.cards.put({ id: 'a' }).catch(() => undefined)
    await rest()
    void page.gray.enqueue({ entity: 'cards', entityId: 'b', kind: 'put' }).catch(() => undefined)
    await rest()
    page.tab.live('pagehide')
    const closing = page.gray.close()
    await rest()
    page.tab.live('pageshow')
    for (let second = 0; second < 20; second++) {
      await rest()
      world.advance(1_000)
    }
    await closing
    await rest()
    const held = (await page.tab.locks()).filter(({ name }) => name === 'graysync-writer')
    expect(held).toEqual([])
    expect(engines.legacy.fake.starts).toHaveLength(length)
    page.legacy.close()
  })
})

describe('a handover that another tab took', () => {
  it('did not fail: it is tried again at the next start', async () => {
    const profile = createProfile()
    const { engines, world } = profile
    const none = {
      keys: [keys.public],
      bootstrap: await sign(keys, { version: 1, stages: NOBODY }),
    }
    const all = { keys: [keys.public], bootstrap: await sign(keys, { version: 2 }) }
    const before = profile.open({ rollout: none })
    await before.start()
    await before.close()
    const filling = holdClear(engines.refactored)
    const tab = world.tab()
    const a = profile.open({ rollout: all }, tab)
    void a.start()
    await filling.begun
    const b = profile.open({ rollout: none })
    await b.start()
    tab.loseLocks()
    await awaitSnapshot(b, (s) => s.running === 'legacy' && s.role === 'writer')
    filling.goOn()
    await rest()
    await rest()
    await a.close()
    await b.close()
    const next = profile.open({ rollout: all })
    expect(await next.start()).toMatchObject({ running: 'refactored' })
    await next.close()
  })
})

describe('what is known of handovers that failed', () => {
  const HOUR = 3_600_000

  async function createFailed(o: WorldOptions = {}) {
    const profile = createProfile(o)
    const none = {
      keys: [keys.public],
      bootstrap: await sign(keys, { version: 1, stages: NOBODY }),
    }
    const before = profile.open({ rollout: none })
    await before.start()
    await before.close()
    const db = await openControl(profile.world.tab())
    const attempts = async () => (await db.get('control', 'attempts')) as Fact | undefined
    const open = async (version = 2, tab = profile.world.tab()) =>
      profile.open(
        { rollout: { keys: [keys.public], bootstrap: await sign(keys, { version }) } },
        tab,
      )
    const { store } = profile.engines.refactored
    if (!store) throw new Error('the fake engine has a store')
    return { ...profile, openServed: profile.open, store, db, attempts, open }
  }

  /** The wait of an hour passes in an open page, and the next start hands over. */
  async function expectEnd(
    { world, db, open }: Awaited<ReturnType<typeof createFailed>>,
    gray: { close(): Promise<void> },
  ): Promise<void> {
    for (const ms of [10_000, HOUR, HOUR]) {
      await rest()
      world.advance(ms)
    }
    await rest()
    await gray.close()
    const next = await open()
    expect(await next.start()).toMatchObject({ running: 'refactored' })
    await next.close()
    db.close()
  }

  it('ends with its wait, also on a disk that has no room for the ballast', async () => {
    const disk = createFaultyFactory()
    const failed = await createFailed({ indexedDB: disk.factory })
    const { db, open } = failed
    disk.full = (stores) => stores.contains('ballast')
    const value = { what: '2>refactored', heardAt: null, count: 1, coolMs: HOUR }
    await db.put('control', { key: 'attempts', value })
    const gray = await open()
    expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: 'HALTED' } })
    await expectEnd(failed, gray)
  })

  it('ends with its wait, also where a backup that is kept can not be read', async () => {
    const failed = await createFailed()
    const { world, db, openServed } = failed
    const bootstrap = await sign(keys, { version: 2 })
    const url = 'https://upstream.test/rollouts/sync-engine'
    const tab = world.tab()
    const date = () => new Date(tab.now()).toUTCString()
    const heard = new Promise<void>((resolve) => {
      world.answer(() => {
        resolve()
        return new Response(bootstrap, { headers: { date: date() } })
      })
    })
    const value = { what: '2>refactored', heardAt: null, count: 1, coolMs: HOUR }
    await db.put('control', { key: 'attempts', value })
    await db.put('backup', { hid: 'torn', part: 0, value: null })
    const gray = openServed({ rollout: { keys: [keys.public], bootstrap, url } }, tab)
    expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: 'HALTED' } })
    await heard
    await rest()
    await expectEnd(failed, gray)
  })

  it('counts one that failed once, also where only the answer to its note was lost', async () => {
    const disk = createFaultyFactory()
    const { store, db, attempts, open } = await createFailed({ indexedDB: disk.factory })
    store.clear = () => Promise.reject(new Error('broken'))
    const { put: write } = IDBObjectStore.prototype
    const spy = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
      this: IDBObjectStore,
      row,
      key,
    ) {
      if (row.key === 'attempts' && row.value.count === 1) {
        disk.isDeaf = true
        spy.mockRestore()
      }
      return write.call(this, row, key)
    })
    const gray = await open()
    await gray.start()
    expect(disk.isDeaf).toBe(false)
    expect(await attempts()).toMatchObject({ value: { count: 1, coolMs: HOUR } })
    spy.mockRestore()
    await gray.close()
    db.close()
  })

  it('is not written over by one that another tab took, however it ends', async () => {
    const { engines, store, db, world, open } = await createFailed()
    const { clear } = store
    let fail = () => {}
    const filling = new Promise<void>((begin) => {
      store.clear = () => {
        store.clear = () => Promise.reject(new Error('of the newer rollout'))
        begin()
        return new Promise((_, reject) => {
          fail = () => reject(new Error('of the older rollout'))
        })
      }
    })
    const tab = world.tab()
    const stale = await open(2, tab)
    const ends: (string | undefined)[] = []
    stale.on('handoverFinished', ({ because }) => ends.push(because))
    void stale.start()
    await filling
    const leader = await open(3)
    await leader.start()
    tab.live('freeze')

    await awaitSnapshot(leader, (s) => s.phase === 'running' && s.role === 'writer')
    expect(leader.getSnapshot()).toMatchObject({ running: 'legacy', blocked: { by: 'ABORTED' } })
    tab.live('resume')
    fail()
    await expect.poll(() => ends).toEqual(['FENCED'])
    await rest()
    await stale.close()
    await leader.close()
    store.clear = clear
    const next = await open(3)
    expect(await next.start()).toMatchObject({ running: 'legacy', blocked: { by: 'HALTED' } })
    expect(engines.refactored.starts).toEqual([])
    await next.close()
    db.close()
  })

  it('is not written over by a tab that stood still as it began its own', async () => {
    const { store, db, attempts, open } = await createFailed()
    store.clear = () => Promise.reject(new Error('broken'))
    const value = { what: '2>refactored', heardAt: null, count: 1, coolMs: HOUR }
    const written = writeOnceRead(db, 'attempts', value)
    const gray = await open()
    await gray.start()
    await written
    expect(await attempts()).toMatchObject({ value: { count: 2, coolMs: 24 * HOUR } })
    await gray.close()
    db.close()
  })

  it('is not written over by a tab that stood still as it counted down what has to wait', async () => {
    const { world, db, attempts, open } = await createFailed()
    const value = { what: '2>refactored', heardAt: null, count: 1, coolMs: HOUR }
    await db.put('control', { key: 'attempts', value })
    const gray = await open()
    expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: 'HALTED' } })
    await rest()
    const newer = { ...value, count: 2, coolMs: 24 * HOUR }
    const written = writeOnceRead(db, 'attempts', newer)
    world.advance(10_000)
    await written
    await rest()
    expect(await attempts()).toMatchObject({ value: { count: 2 } })
    await gray.close()
    db.close()
  })
})

describe('a push that its engine answers only after a handover', () => {
  it('is in the store of the next owner', async () => {
    const profile = createProfile()
    const { engines, world } = profile
    const tab = world.tab()
    const bootstrap = await sign(keys, { version: 1, stages: NOBODY })
    const gray = profile.open({ rollout: { keys: [keys.public], bootstrap } }, tab)
    let go = () => {}
    const gate = new Promise<void>((open) => {
      go = open
    })
    let isPushing = false
    replacePush(engines.legacy, async (_, take) => {
      isPushing = true
      await gate
      await take()
    })
    await gray.start()
    const { opId } = await gray.enqueue(put('a', 'of the user'))
    await expect.poll(() => isPushing).toBe(true)
    await gray.prefer('refactored')
    // The user leaves the page and comes back to it.
    tab.live('pagehide')
    await rest()
    tab.live('pageshow')
    await awaitSnapshot(gray, (s) => s.running === 'refactored' && s.role === 'writer')
    go()
    await expect.poll(() => queued(engines.refactored)).toEqual([opId])
    expect(engines.refactored.disk.rows.get('cards')?.get('a')).toMatchObject({
      text: 'of the user',
    })
    await gray.close()
  })
})

describe('a tab that lost the lease before it hands over', () => {
  it('does not hand over under the reign of another, whose engine runs', async () => {
    const profile = createProfile()
    const { engines, world } = profile
    const none = {
      keys: [keys.public],
      bootstrap: await sign(keys, { version: 1, stages: NOBODY }),
    }
    const all = { keys: [keys.public], bootstrap: await sign(keys, { version: 2 }) }
    const before = profile.open({ rollout: none })
    await before.start()
    await before.close()
    const stale = world.tab()
    let go = () => {}
    let isAsking = false
    const gate = new Promise<void>((open) => {
      go = open
    })
    const { locks } = stale
    stale.locks = async () => {
      const seen = await locks()
      isAsking = true
      await gate
      return seen
    }
    const started: string[] = []
    const a = profile.open({ rollout: all }, stale)
    a.on('handoverStarted', ({ to }) => started.push(to))
    void a.start()
    await expect.poll(() => isAsking).toBe(true)
    const b = profile.open({ rollout: none })
    await b.start()
    stale.loseLocks()
    await awaitSnapshot(b, (s) => s.running === 'legacy' && s.role === 'writer')
    const ctx = engines.legacy.starts.at(-1)
    world.answer(() => new Response())
    expect((await ctx?.fetch('https://sync.test/apply', { method: 'POST' }))?.ok).toBe(true)
    go()
    await rest()
    await rest()
    expect(started).toEqual([])
    expect((await ctx?.fetch('https://sync.test/apply', { method: 'POST' }))?.ok).toBe(true)
    await a.close()
    await b.close()
  })
})

describe('a tab that stood still while another took over', () => {
  it('hands nothing to its engine any more, and the other does', async () => {
    const profile = createProfile()
    const { engines, world } = profile
    const taken: string[] = []
    replacePush(engines.legacy, async (op, take) => {
      taken.push(op.opId)
      await take()
    })
    const stale = world.tab()
    const a = profile.open({}, stale)
    await a.start()
    const before = await a.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([before.opId])
    stale.hang()
    stale.loseLocks({ unnoticed: true })
    const b = profile.open()
    expect(await b.start()).toMatchObject({ running: 'legacy', role: 'writer' })
    world.advance(1_000)
    stale.wake()
    const { opId } = await a.enqueue(put('b'))
    await rest()
    expect(taken).toEqual([before.opId])
    // It looks by itself for what nobody told it of.
    await pass(profile, 35_000)
    expect(taken).toEqual([before.opId, opId])
    await a.close()
    await b.close()
  })
})

describe('a tab whose engine did not start', () => {
  it.each([
    ['its module can not be loaded', 'ENGINE_LOAD', 'Failed to fetch dynamically imported module'],
    ['it asked a server out of reach', 'ENGINE_START', 'Failed to fetch'],
  ])('since %s tries again, and is handed what waits', async (_, by, message) => {
    const profile = createProfile()
    const { legacy } = profile.engines
    const { start } = legacy
    let starts = 0
    legacy.start = () => {
      starts++
      return Promise.reject(new TypeError(message))
    }
    const gray = profile.open()
    await gray.start()
    expect(gray.getSnapshot()).toMatchObject({ running: null, blocked: { by } })
    const { opId } = await gray.enqueue(put('a'))
    await pass(profile, 150_000)
    expect(starts).toBe(3)
    legacy.start = start
    await pass(profile, 60_000)
    expect(queued(legacy)).toEqual([opId])
    expect(gray.getSnapshot()).toMatchObject({ running: 'legacy', role: 'writer' })
    expect(gray.getSnapshot()).not.toHaveProperty('blocked')
    await gray.close()
  })

  it('does not where another tab writes by then, and says so', async () => {
    const profile = createProfile({ locks: false })
    const { legacy } = profile.engines
    const { start } = legacy
    legacy.start = () => Promise.reject(new Error('Failed to fetch dynamically imported module'))
    const gray = profile.open()
    await gray.start()
    legacy.start = start
    const other = profile.open()
    expect(await other.start()).toMatchObject({ running: 'legacy', role: 'writer' })
    await pass(profile, 61_000)
    expect(legacy.starts).toHaveLength(1)
    expect(gray.getSnapshot()).toMatchObject({ running: null, blocked: { by: 'FENCED' } })
    await other.close()
    await gray.close()
  })

  it('does not once it is closed', async () => {
    const profile = createProfile()
    let loads = 0
    profile.engines.legacy.start = () => {
      loads++
      return Promise.reject(new Error('Failed to fetch dynamically imported module'))
    }
    const gray = profile.open()
    await gray.start()
    await gray.close()
    await pass(profile, 150_000)
    expect(loads).toBe(1)
  })
})

describe('a page that is shown again while its database opens slowly', () => {
  it('goes on once it does', async () => {
    const faulty = createFaultyFactory()
    const profile = createProfile({ indexedDB: faulty.factory })
    const tab = profile.world.tab()
    const gray = profile.open({}, tab)
    await gray.start()
    tab.live('pagehide')
    await rest()
    // The browser let the connections of a page that is kept go.
    faulty.cut()
    faulty.hangs = true
    tab.live('pageshow')
    await pass(profile, 4_000)
    faulty.hangs = false
    await pass(profile, 120_000)
    const { opId } = await gray.enqueue(put('a'))
    await pass(profile, 60_000)
    expect(queued(profile.engines.legacy)).toEqual([opId])
    expect(gray.getSnapshot()).toMatchObject({ phase: 'running', running: 'legacy' })
    await gray.close()
  })
})
