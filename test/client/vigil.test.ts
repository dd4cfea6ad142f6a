import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import type { Snapshot } from '../../src/model/handle.js'
import { connectControl, readFact } from '../../src/store/control.js'
import {
  createFakeEngine,
  createTestClient,
  createWorld,
  type FakeEngine,
  type RowOperation,
  type World,
} from '../../src/testing.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, pass, put, queued, rest } from '../support/session.js'
import { awaitSnapshot } from '../support/snapshot.js'

// Loaded after the start, and here beforehand: a test waits for no file.
await import('../../src/client/patrol.js')

const keys = await makeKeys()
const isWriter = (snapshot: Snapshot) => snapshot.phase === 'running' && snapshot.role === 'writer'
const isFollower = (snapshot: Snapshot) =>
  snapshot.phase === 'running' && snapshot.role === 'follower'
const send = (engine: FakeEngine, start: number) =>
  engine.starts.at(start)?.fetch('https://upstream.test/', { method: 'POST' })

/** Lets whoever waits look so many times. */
async function lookOn(world: World, times: number): Promise<void> {
  for (let at = 0; at < times; at++) {
    await rest()
    world.advance(5_000)
  }
  await rest()
}

/** A place where one call waits until `go`. */
function createGate() {
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  let go = () => {}
  const gone = new Promise<void>((resolve) => {
    go = resolve
  })
  const gate = async () => {
    begin()
    await gone
  }
  return { begun, go: () => go(), gate }
}

function openPair() {
  const profile = createProfile()
  const tab = profile.world.tab()
  const first = profile.open({}, tab)
  const second = profile.open()
  return { ...profile, tab, first, second }
}

const pulse = (world: World) => readFact(connectControl(world.tab()), 'pulse')

describe('a tab that leads and hangs', () => {
  it('loses the lease while work waits, and the work is done elsewhere', async () => {
    const { world, engines, tab, first, second } = openPair()
    await first.start()
    await second.start()
    tab.hang()
    const { opId } = await second.enqueue(put('a'))
    await lookOn(world, 3)
    expect(second.getSnapshot()).toMatchObject({ role: 'follower' })
    await lookOn(world, 2)
    await awaitSnapshot(second, isWriter)
    expect(engines.legacy.starts).toHaveLength(2)
    expect(queued(engines.legacy)).toEqual([opId])
    await expect(send(engines.legacy, 0)).rejects.toMatchObject({ code: 'FENCED' })
    expect((await send(engines.legacy, 1))?.status).toBe(404)
    tab.wake()
    await awaitSnapshot(first, isFollower)
    expect(engines.legacy.starts).toHaveLength(2)
    await second.close()
    await awaitSnapshot(first, isWriter)
    await first.close()
  })

  it('leaves the lease to the tab in line behind it where the browser does not let that one take it away', async () => {
    const { world, tab, first, open } = openPair()
    await first.start()
    const other = world.tab()
    const { lock } = other
    other.lock = async (name, o) => {
      if (o.steal) throw new DOMException('not now', 'InvalidStateError')
      return lock?.(name, o) ?? null
    }
    const second = open({}, other)
    const errors: string[] = []
    second.on('error', ({ code }) => errors.push(code))
    await second.start()
    tab.hang()
    await second.enqueue(put('a'))
    await lookOn(world, 5)
    expect(errors).toHaveLength(1)
    expect(second.getSnapshot()).toMatchObject({ role: 'follower' })
    tab.kill()
    await rest()
    expect(second.getSnapshot()).toMatchObject({ role: 'writer', running: 'legacy' })
    await second.close()
  })

  it.each([
    ['without channels', false],
    ['without work', true],
  ])(
    'and dies is followed %s by a tab that the browser did not let stand in line',
    async (_, channels) => {
      const profile = createProfile({ channels })
      const tab = profile.world.tab()
      const first = profile.open({}, tab)
      await first.start()
      const other = profile.world.tab()
      const { lock } = other
      let refusals = 1
      other.lock = async (name, o) => {
        if (name === 'graysync-writer' && !o.ifAvailable && refusals-- > 0)
          throw new DOMException('not now', 'InvalidStateError')
        return lock?.(name, o) ?? null
      }
      const second = profile.open({}, other)
      const errors: string[] = []
      second.on('error', ({ code }) => errors.push(code))
      await second.start()
      expect(errors).toEqual(['ABORTED'])
      tab.kill()
      await pass(profile, 60_000)
      expect(second.getSnapshot()).toMatchObject({ role: 'writer', running: 'legacy' })
      await second.close()
    },
  )

  it('and can not stop its engine is blocked when it wakes, and starts none beside it', async () => {
    const { world, engines, tab, first, second } = openPair()
    const { start } = engines.legacy
    engines.legacy.start = async (ctx) => {
      const { push } = (await start(ctx)) ?? {}
      return push ? { push } : {}
    }
    await first.start()
    await second.start()
    tab.hang()
    await second.enqueue(put('a'))
    await lookOn(world, 5)
    await awaitSnapshot(second, isWriter)
    tab.wake()
    const shown = await awaitSnapshot(first, ({ running }) => running === null)
    expect(shown).toMatchObject({ blocked: { by: 'FENCED' } })
    await second.close()
    await rest()
    expect(engines.legacy.starts).toHaveLength(2)
    await first.close()
  })

  it('is left in peace while there is nothing to do', async () => {
    const { world, tab, first, second } = openPair()
    await first.start()
    await second.start()
    tab.hang()
    await lookOn(world, 20)
    expect(second.getSnapshot()).toMatchObject({ role: 'follower' })
    tab.wake()
    await second.enqueue(put('a'))
    await lookOn(world, 1)
    expect(first.getSnapshot()).toMatchObject({ role: 'writer' })
    await first.close()
    await second.close()
  })

  it.each([
    {},
    // Its rows get into no backup, which asks too whose the handover is.
    { usage: 0, quota: 0 },
  ])(
    'in the middle of a handover loses it to one that begins anew, and writes no row when it wakes',
    async (estimate) => {
      const world = createWorld({ indexedDB: new IDBFactory() })
      const engines = {
        legacy: createFakeEngine(['cards', 'tags']),
        refactored: createFakeEngine(['cards', 'tags'], '2'),
      }
      const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
      const options = { app: { name: 'test', version: '1' }, engines, rollout }
      engines.legacy.disk.rows.set('cards', new Map([['a', { id: 'a' }]]))
      engines.legacy.disk.rows.set('tags', new Map([['b', { id: 'b', text: 'old' }]]))
      const { store } = engines.refactored
      if (!store) throw new Error('the fake engine has a store')
      const { hydrate } = store
      const { begun, go, gate } = createGate()
      let calls = 0
      store.hydrate = async (table, rows) => {
        if (++calls === 1) await gate()
        await hydrate(table, rows)
      }
      const tab = { ...world.tab(), estimate: async () => estimate }
      const first = createTestClient<RowOperation>(options, tab)
      const starting = first.start()
      await begun
      tab.hang()
      const second = createTestClient<RowOperation>(options, world.tab())
      await second.start()
      await lookOn(world, 4)
      await awaitSnapshot(
        second,
        (snapshot) => isWriter(snapshot) && snapshot.running === 'refactored',
      )
      engines.refactored.disk.rows.get('tags')?.set('b', { id: 'b', text: 'new' })
      go()
      tab.wake()
      await starting
      await rest()
      expect(engines.refactored.disk.rows.get('tags')?.get('b')).toEqual({ id: 'b', text: 'new' })
      expect(second.getSnapshot()).toMatchObject({ running: 'refactored', role: 'writer' })
      expect(engines.legacy.starts).toHaveLength(0)
      await second.close()
      await first.close()
    },
  )
})

/** Two tabs on a disk that can be filled, and an operation that waits at the engine. */
async function openBusyPair() {
  const faulty = createFaultyFactory()
  const { world, engines, open } = createProfile({ indexedDB: faulty.factory })
  const [first, second] = [open(), open()]
  await first.start()
  await second.start()
  await second.enqueue(put('a'))
  await expect.poll(() => queued(engines.legacy)).toHaveLength(1)
  await rest()
  return { faulty, world, engines, first, second }
}

describe('a tab that leads and lives', () => {
  it('keeps the lease however long its work waits', async () => {
    const { world, engines, first, second } = openPair()
    await first.start()
    await second.start()
    await second.enqueue(put('a'))
    await lookOn(world, 20)
    expect(first.getSnapshot()).toMatchObject({ role: 'writer' })
    expect(engines.legacy.starts).toHaveLength(1)
    await first.close()
    await second.close()
  })

  it('keeps the lease also on a full disk, where it can not show it', async () => {
    const { faulty, world, engines, first, second } = await openBusyPair()
    faulty.full = true
    await lookOn(world, 12)
    expect(first.getSnapshot()).toMatchObject({ role: 'writer' })
    expect(engines.legacy.starts).toHaveLength(1)
    faulty.full = false
    await first.close()
    await second.close()
  })

  it('tells of a full disk once, however often it is asked there, and again once it had room', async () => {
    const { faulty, world, first, second } = await openBusyPair()
    const told: string[] = []
    first.on('error', ({ code }) => told.push(code))
    // What is cleaned up after the start needs room as well.
    await lookOn(world, 4)
    faulty.full = true
    // Not twelve: with the next question after those the other tab would lead.
    await lookOn(world, 13)
    expect(told).toEqual(['QUOTA'])
    faulty.full = false
    await lookOn(world, 2)
    faulty.full = true
    await lookOn(world, 12)
    expect(told).toEqual(['QUOTA', 'QUOTA'])
    faulty.full = false
    await first.close()
    await second.close()
  })

  it('writes nothing to show it while there is nothing to do', async () => {
    const { world, first, second } = openPair()
    await first.start()
    await second.start()
    await lookOn(world, 4)
    expect(await pulse(world)).toBeNull()
    await second.enqueue(put('a'))
    await lookOn(world, 2)
    expect(await pulse(world)).toEqual(expect.any(String))
    await first.close()
    await second.close()
  })

  it('is not accused by a device that slept', async () => {
    const { world, engines, first, second } = openPair()
    await first.start()
    await second.start()
    await second.enqueue(put('a'))
    for (let night = 0; night < 5; night++) {
      await rest()
      world.advance(3_600_000)
    }
    await rest()
    expect(first.getSnapshot()).toMatchObject({ role: 'writer' })
    expect(engines.legacy.starts).toHaveLength(1)
    await first.close()
    await second.close()
  })

  it('is not asked where tabs can not hear each other', async () => {
    const { world, engines, open } = createProfile({ channels: false })
    const tab = world.tab()
    const first = open({}, tab)
    const second = open()
    await first.start()
    await second.start()
    await second.enqueue(put('a'))
    await lookOn(world, 20)
    expect(engines.legacy.starts).toHaveLength(1)
    await first.close()
    await second.close()
  })
})

describe('a page that is frozen', () => {
  it('lets another tab lead, and follows it afterwards', async () => {
    const { engines, tab, first, second } = openPair()
    await first.start()
    await second.start()
    tab.live('freeze')
    expect(engines.legacy.starts[0]?.signal.aborted).toBe(true)
    await awaitSnapshot(second, isWriter)
    tab.live('resume')
    await awaitSnapshot(first, isFollower)
    expect(engines.legacy.starts).toHaveLength(2)
    await first.close()
    await second.close()
  })

  it('with an engine that can not stop answers nobody, and loses the lease while work waits', async () => {
    const { world, engines, tab, first, second } = openPair()
    const { start } = engines.legacy
    engines.legacy.start = async (ctx) => {
      const { push } = (await start(ctx)) ?? {}
      return push ? { push } : {}
    }
    await first.start()
    await second.start()
    tab.live('freeze')
    await second.enqueue(put('a'))
    await lookOn(world, 5)
    await awaitSnapshot(second, isWriter)
    tab.live('resume')
    expect(await awaitSnapshot(first, ({ running }) => running === null)).toMatchObject({
      blocked: { by: 'FENCED' },
    })
    await first.close()
    await second.close()
  })

  it('with an engine that can not stop goes on where nobody led meanwhile', async () => {
    const { engines, tab, first, second } = openPair()
    const { start } = engines.legacy
    engines.legacy.start = async (ctx) => void (await start(ctx))
    await first.start()
    tab.live('freeze')
    tab.loseLocks({ unnoticed: true })
    tab.live('resume')
    await rest()
    expect(first.getSnapshot()).toMatchObject({ running: 'legacy', role: 'writer' })
    expect(await second.start()).toMatchObject({ role: 'follower' })
    expect(engines.legacy.starts).toHaveLength(1)
    await first.close()
    await second.close()
  })

  it('with an engine that can not stop believes nothing once another tab has led', async () => {
    const { engines, tab, first, second } = openPair()
    const { start } = engines.legacy
    engines.legacy.start = async (ctx) => void (await start(ctx))
    await first.start()
    tab.live('pagehide')
    tab.loseLocks({ unnoticed: true })
    expect(await second.start()).toMatchObject({ role: 'writer' })
    tab.live('pageshow')
    expect(await awaitSnapshot(first, ({ running }) => running === null)).toMatchObject({
      blocked: { by: 'FENCED' },
    })
    await first.close()
    await second.close()
  })
})
