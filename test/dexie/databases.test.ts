import { Dexie } from 'dexie'
import { IDBObjectStore } from 'fake-indexeddb'
import { describe, expect, it, vi } from 'vitest'
import { grayStores, grayWrites } from '../../src/dexie.js'
import { connectControl, readFact } from '../../src/store/control.js'
import { createDexieProfile, toOperation } from '../support/dexie-profile.js'
import { put, rest } from '../support/session.js'

await import('../../src/client/patrol.js')
await import('../../src/flows/audit.js')

describe('a database that is opened by another tab', () => {
  it('after the leader began is raised by its handover', async () => {
    const profile = await createDexieProfile()
    const old = await profile.load('legacy')
    await old.gray.start()
    // A second tab stands in line; it opens no database of the app yet (nobody is signed in there, for example).
    const next = await profile.load('refactored')
    await next.gray.start()
    expect(next.gray.getSnapshot()).toMatchObject({ role: 'follower' })
    await old.legacy.open()
    await old.legacy.cards.put({ id: 'a', text: '1' })
    await rest()
    // The first tab loses the lead and lives on with its database: the second hands over.
    old.tab.loseLocks()
    await expect
      .poll(() => next.gray.getSnapshot(), { timeout: 5_000 })
      .toMatchObject({ running: 'refactored' })
    await rest()
    const replica = await profile.describe('legacy').table('graysyncFence').get('replica')
    expect(replica).toMatchObject({ owner: 'refactored' })
    await expect(old.legacy.logs.put({ id: 'b' })).rejects.toMatchObject({ code: 'FENCED' })
    old.legacy.close()
    await next.leave()
  })

  it('while nothing could be noted is raised by a later handover of another tab all the same', async () => {
    const profile = await createDexieProfile()
    const { disk, world } = profile
    const old = await profile.load('legacy')
    await old.gray.start()
    await rest()
    const isFull = new Promise((resolve) => old.gray.on('error', resolve))
    disk.full = (stores) => stores.length === 1 && stores.contains('control')
    await old.legacy.open()
    expect(await isFull).toMatchObject({ code: 'QUOTA' })
    disk.full = false
    world.advance(60_000)
    await rest()
    const next = await profile.load('refactored')
    await next.gray.start()
    old.tab.loseLocks()
    await expect
      .poll(() => next.gray.getSnapshot(), { timeout: 5_000 })
      .toMatchObject({ running: 'refactored' })
    await rest()
    await expect(old.legacy.logs.put({ id: 'b' })).rejects.toMatchObject({ code: 'FENCED' })
    old.legacy.close()
    await next.leave()
  })

  it('by each of two tabs is known from then on', async () => {
    const profile = await createDexieProfile()
    const one = await profile.load('legacy')
    await one.gray.start()
    const two = await profile.load('legacy')
    await two.gray.start()
    await one.legacy.open()
    await rest()
    await two.refactored.open()
    await rest()
    const control = connectControl(one.tab)
    const known = await readFact<{ name: string }[]>(control, 'databases')
    expect(known?.map(({ name }) => name).sort()).toEqual(['legacy', 'refactored'])
    control.close()
    await two.leave()
    await one.leave()
  })

  it('and not by the leader has what was captured there moved ahead of what the next owner takes', async () => {
    const profile = await createDexieProfile()
    const { engines } = profile
    const old = await profile.load('legacy')
    await old.gray.start()
    const next = await profile.load('refactored')
    await next.gray.start()
    await old.legacy.open()
    await rest()
    // A page whose handle moves nothing by itself yet, as one that is killed right after the commit.
    const other = await profile.load('legacy')
    await other.legacy.cards.put({ id: 'a', text: 'first' })
    old.tab.loseLocks()
    await expect
      .poll(() => next.gray.getSnapshot(), { timeout: 5_000 })
      .toMatchObject({ running: 'refactored' })
    await next.refactored.cards.put({ id: 'a', text: 'last' })
    await expect.poll(() => engines.refactored.fake.disk.queue.length).toBeGreaterThan(0)
    // Any page that knows the database moves what lies there: here the one that opens it.
    await next.legacy.open()
    await rest()
    await next.gray.openOperations()
    await next.gray.enqueue({ entity: 'cards', entityId: 'b', kind: 'put', row: {} })
    await expect.poll(() => engines.refactored.fake.disk.queue.length).toBe(3)
    const ofA = engines.refactored.fake.disk.queue.filter(({ op }) => op.entityId === 'a')
    expect(ofA.map(({ op }) => op.row?.text)).toEqual(['first', 'last'])
    expect(await profile.describe('refactored').cards.get('a')).toMatchObject({ text: 'last' })
    other.legacy.close()
    old.legacy.close()
    await next.leave()
  })

  it('for the first time after a handover is raised to the new owner', async () => {
    const profile = await createDexieProfile()
    const first = await profile.load('legacy')
    await first.gray.start()
    const second = await profile.load('refactored')
    await second.gray.start()
    const third = await profile.load('legacy')
    await third.gray.start()
    expect(third.gray.getSnapshot()).toMatchObject({ role: 'follower' })
    first.tab.loseLocks()
    await expect
      .poll(() => second.gray.getSnapshot(), { timeout: 5_000 })
      .toMatchObject({ running: 'refactored', role: 'writer' })
    await rest()
    expect(third.gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    await third.legacy.open()
    await rest()
    await expect(third.legacy.logs.put({ id: 'lost' })).rejects.toMatchObject({ code: 'FENCED' })
    third.legacy.close()
    first.legacy.close()
    await second.leave()
  })
})

/** A profile that knows a second database, which no tab can open any more: a frozen tab holds up its upgrade. */
async function setUp() {
  const profile = await createDexieProfile()
  const first = await profile.load('legacy')
  await first.gray.start()
  const notes = new Dexie('notes', { indexedDB: profile.disk.factory, IDBKeyRange })
  notes.version(1).stores({ notes: 'id', ...grayStores })
  notes.use(grayWrites(first.gray, { notes: toOperation }, { store: 'legacy' }))
  await notes.open()
  await rest()
  notes.close()
  await first.leave()
  const { open } = profile.disk.factory
  profile.disk.factory.open = (name, version) =>
    name === 'notes' ? new IDBOpenDBRequest() : open(name, version)
  const page = await profile.load('legacy')
  void page.gray.start()
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      await rest()
      profile.world.advance(1_000)
    }
  }
  while (page.gray.getSnapshot().running !== 'legacy') await pass(1)
  const unblock = () => {
    profile.disk.factory.open = open
  }
  return { ...profile, page, pass, unblock }
}

describe('a database that does not answer', () => {
  it('in time for hundreds of heavy rows has them moved by fewer at once', async () => {
    const { load, world } = await createDexieProfile()
    const page = await load('legacy')
    const { getAll } = IDBObjectStore.prototype
    vi.spyOn(IDBObjectStore.prototype, 'getAll').mockImplementation(function (
      this: IDBObjectStore,
      query,
      count = 1_000,
    ) {
      // So slow is this disk that it reads a megabyte in the two seconds that it is given.
      if (this.name === 'graysyncCaptured' && count > 10) queueMicrotask(() => world.advance(2_000))
      return getAll.call(this, query, count)
    })
    const text = 'x'.repeat(100_000)
    const rows = Array.from({ length: 20 }, (_, n) => ({ id: `card-${n + 10}`, text }))
    await page.legacy.cards.bulkPut(rows)
    const open = await page.gray.openOperations()
    expect(open.map(({ op }) => op.entityId)).toEqual(rows.map(({ id }) => id))
    await page.leave()
  })

  it('does not keep what is captured in another one from the engine', async () => {
    const { engines, page, pass } = await setUp()
    await page.legacy.cards.put({ id: 'a', text: '1' })
    await pass(600)
    expect(engines.legacy.fake.disk.queue.map(({ op }) => op.entityId)).toEqual(['a'])
  })

  it('holds up an operation for half a minute, and then nobody took it', async () => {
    const { engines, page, pass } = await setUp()
    const accepted = page.gray
      .enqueue({ entity: 'cards', entityId: 'b', kind: 'put', row: {} })
      .then(
        () => 'accepted',
        ({ code }) => code,
      )
    await pass(60)
    expect(await accepted).toBe('STORE_BLOCKED')
    expect(engines.legacy.fake.disk.queue).toEqual([])
  })

  it('that is busy with a long transaction of the app keeps no operation from being accepted', async () => {
    const profile = await createDexieProfile()
    const page = await profile.load('legacy')
    await page.gray.start()
    await page.legacy.open()
    await rest()
    let end = () => {}
    const long = new Promise<void>((resolve) => {
      end = resolve
    })
    // An import: at 30 ms for 100 captured rows, 7,000 rows take 2 seconds.
    const importing = page.legacy.transaction('rw', page.legacy.logs, async () => {
      await page.legacy.logs.put({ id: 'imported' })
      await Dexie.waitFor(long)
    })
    await rest()
    // Of a table that is not captured, and is not part of the import.
    const accepting = page.gray.enqueue({ ...put('a'), entity: 'tags' }).then(
      () => 'accepted',
      (cause) => cause.code,
    )
    await rest()
    profile.world.advance(2_000)
    await rest()
    end()
    await importing
    expect(await accepting).toBe('accepted')
    await page.leave()
  })

  it('keeps the order of operations that came while it was waited for', async () => {
    const { engines, page, pass, unblock } = await setUp()
    const give = (text: string) =>
      page.gray.enqueue({ entity: 'cards', entityId: 'b', kind: 'put', row: { text } })
    const first = give('first')
    await pass(5)
    const second = give('second')
    await pass(3)
    unblock()
    await pass(10)
    await Promise.all([first, second])
    await rest()
    expect(engines.legacy.fake.disk.queue.map(({ op }) => op.row?.text)).toEqual([
      'first',
      'second',
    ])
  })
})

describe('a list of databases that can not be read as the page starts', () => {
  it('holds up no start, and what was captured there goes ahead of what comes next', async () => {
    const profile = await createDexieProfile()
    const { engines } = profile
    const before = await profile.load('legacy')
    await before.gray.start()
    await before.legacy.open()
    await rest()
    await before.gray.close()
    // A page that is killed before it moves anything.
    const killed = await profile.load('legacy')
    await killed.legacy.cards.put({ id: 'a', text: 'first' })
    killed.legacy.close()
    const { get } = IDBObjectStore.prototype
    let fails = 1
    const spy = vi.spyOn(IDBObjectStore.prototype, 'get').mockImplementation(function (
      this: IDBObjectStore,
      key,
    ) {
      if (key === 'databases' && fails-- > 0) throw new DOMException('no', 'NotReadableError')
      return get.call(this, key)
    })
    const page = await profile.load('legacy')
    expect(await page.gray.start()).toMatchObject({ phase: 'running', running: 'legacy' })
    await page.gray.enqueue(put('a', 'last'))
    spy.mockRestore()
    await expect.poll(() => engines.legacy.fake.disk.queue.length).toBe(2)
    expect(engines.legacy.fake.disk.queue.map(({ op }) => op.row?.text)).toEqual(['first', 'last'])
    await page.leave()
    before.legacy.close()
  })
})
