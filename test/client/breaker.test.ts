import { describe, expect, it, vi } from 'vitest'
import { createBreaker } from '../../src/client/breaker.js'
import { readJournal } from '../../src/engine/journal.js'
import type { Events, GraySync, GraySyncOptions } from '../../src/model/handle.js'
import type { Sink, TelemetryRecord } from '../../src/model/record.js'
import type { Rollout } from '../../src/model/rollout.js'
import { changeFact, connectControl } from '../../src/store/control.js'
import type { FakeEngine, RowOperation, Tab } from '../../src/testing.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { makeKeys, sign } from '../support/rollout.js'
import { awaitEvent, createServed, visit as visitServed } from '../support/served.js'
import { createProfile, type Profile, pass, put, replacePush, rest } from '../support/session.js'
import { awaitSnapshot } from '../support/snapshot.js'
import { passTime } from '../support/time.js'

const keys = await makeKeys()
// Loaded after the start of an engine: the manual clock must not run away meanwhile.
await import('../../src/client/watch.js')
const SERVER = 'https://sync.test/apply'

interface Visit {
  gray: GraySync<RowOperation>
  tab: Tab
  trips: Events['tripped'][]
}

/** A start under a rollout, on the profile. */
async function visit(
  profile: Profile,
  change: Partial<Rollout> = {},
  more: Partial<GraySyncOptions<RowOperation>> = {},
): Promise<Visit> {
  const tab = profile.world.tab()
  const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1, ...change }) }
  const gray = profile.open({ rollout, ...more }, tab)
  const trips: Events['tripped'][] = []
  gray.on('tripped', (event) => trips.push(event))
  await gray.start()
  return { gray, tab, trips }
}

/** A profile that was moved to refactored. */
async function moved(): Promise<Profile> {
  const profile = createProfile({ pristine: true })
  profile.world.answer(() => new Response())
  const { gray } = await visit(profile)
  expect(gray.getSnapshot()).toMatchObject({ running: 'refactored' })
  await gray.close()
  return profile
}

const failStart = (engine: FakeEngine, cause: unknown): void => {
  engine.start = () => Promise.reject(cause)
}
const failPush = (engine: FakeEngine): void =>
  replacePush(engine, () => Promise.reject(new Error('broken')))

describe('a refactored engine', () => {
  it('that takes no operation trips within four failures and 40 seconds, and legacy has every operation at the next start', async () => {
    const profile = await moved()
    failPush(profile.engines.refactored)
    const { gray, trips } = await visit(profile)
    const { opId } = await gray.enqueue(put('a', 'of the user'))
    await pass(profile, 29_000)
    expect(trips).toEqual([])
    await pass(profile, 11_000)
    expect(trips).toEqual([{ engine: 'refactored', by: 'failures' }])
    expect(gray.getSnapshot()).toMatchObject({ running: 'refactored', reload: 'wanted' })
    const ctx = profile.engines.refactored.starts.at(-1)
    await expect(ctx?.fetch(SERVER, { method: 'POST' })).rejects.toMatchObject({
      code: 'SUSPENDED',
    })
    await gray.close()

    const next = await visit(profile)
    expect(next.gray.getSnapshot()).toMatchObject({
      running: 'legacy',
      decision: { reason: 'ROLLED_BACK', arm: 'candidate' },
    })
    await rest()
    expect(profile.engines.legacy.disk.queue.map((row) => row.opId)).toEqual([opId])
    await next.gray.close()
  })

  it('that fails operation after operation trips', async () => {
    const profile = await moved()
    const { gray, trips } = await visit(profile)
    const ctx = profile.engines.refactored.starts.at(-1)
    for (const fault of ['one', 'two', 'three', 'four']) {
      ctx?.fail((await gray.enqueue(put(fault))).opId, new Error(fault))
    }
    await rest()
    expect(trips).toMatchObject([{ by: 'failures' }])
    await gray.close()
  })

  it('that is given up is told of upstream once, with its cause, its version and the arm of the device', async () => {
    const profile = await moved()
    failStart(profile.engines.refactored, new Error('broken build'))
    const records: TelemetryRecord[] = []
    const sink: Sink = {
      async send(batch) {
        records.push(...batch.records)
        return { status: 'accepted' }
      },
    }
    const { gray, trips } = await visit(profile, {}, { sink, consent: 'granted' })
    await expect.poll(() => trips).toHaveLength(1)
    const told = () => records.filter(({ name }) => name === 'graysync.trip')
    await vi.dynamicImportSettled()
    await pass(profile, 10_000)
    expect(told()).toMatchObject([
      {
        lane: 'error',
        attributes: {
          'graysync.trip.by': 'start',
          'graysync.engine.version': '2',
          'graysync.arm': 'candidate',
        },
      },
    ])
    await gray.close()
    const next = await visit(profile, {}, { sink, consent: 'granted' })
    await pass(profile, 10_000)
    expect(told()).toHaveLength(1)
    await next.gray.close()
  })

  it('that can not say what its queue holds has failed once at each start', async () => {
    const profile = await moved()
    const { exporter } = profile.engines.refactored.queue ?? {}
    Object.assign(exporter ?? {}, { read: () => Promise.reject(new Error('a broken row')) })
    const seen: number[] = []
    for (let boot = 0; boot < 4; boot++) {
      const { gray, trips } = await visit(profile)
      await pass(profile, 15_000)
      seen.push(trips.length)
      await gray.close()
    }
    expect(seen).toEqual([0, 0, 0, 1])
  })

  it('whose one fault shows on a hundred operations at once has failed once', async () => {
    const profile = await moved()
    const { gray, trips } = await visit(profile)
    const ctx = profile.engines.refactored.starts.at(-1)
    for (let n = 0; n < 100; n++) ctx?.fail(`op-${n}`, new Error(`no row ${n}`))
    await rest()
    expect(trips).toEqual([])
    await gray.close()
  })

  it.each([
    ['while the device is offline', new Error('refused'), false],
    ['because nobody is signed in', Object.assign(new Error('refused'), { status: 401 }), true],
    ['because it asks too often', Object.assign(new Error('refused'), { status: 429 }), true],
    ['because nobody answered', new TypeError('Failed to fetch'), true],
    ['because it was stopped', new DOMException('stopped', 'AbortError'), true],
    ['because the disk is full', new DOMException('full', 'QuotaExceededError'), true],
  ])('that fails %s has not failed', async (_, cause, online) => {
    const profile = await moved()
    const { gray, trips } = await visit(profile)
    profile.world.online = online
    const ctx = profile.engines.refactored.starts.at(-1)
    for (let n = 0; n < 10; n++) {
      ctx?.fail(`op-${n}`, cause)
      await pass(profile, 11_000)
    }
    expect(trips).toEqual([])
    await gray.close()
  })

  it('is blamed for a server that fails its requests only, and not for one that fails', async () => {
    const profile = await moved()
    const { gray, trips } = await visit(profile)
    const ctx = profile.engines.refactored.starts.at(-1)
    let whole = 503
    profile.world.answer(({ url }) => new Response(null, { status: url === SERVER ? 500 : whole }))
    const send = async () => {
      for (let n = 0; n < 4; n++) {
        await ctx?.fetch(SERVER, { method: 'POST' }).catch(() => undefined)
        await pass(profile, 11_000)
      }
    }
    await send()
    expect(trips).toEqual([])
    whole = 404
    await send()
    expect(trips).toMatchObject([{ by: 'failures' }])
    await gray.close()
  })

  it.each([401, 403, 408, 409, 429])(
    'that is answered with %i is in good order',
    async (status) => {
      const profile = await moved()
      const { gray, trips } = await visit(profile)
      const ctx = profile.engines.refactored.starts.at(-1)
      profile.world.answer(
        ({ url }) => new Response(null, { status: url === SERVER ? status : 200 }),
      )
      for (let n = 0; n < 8; n++) {
        await ctx?.fetch(SERVER, { method: 'POST' })
        await pass(profile, 11_000)
      }
      expect(trips).toEqual([])
      await gray.close()
    },
  )

  it('that swallows operations trips after two minutes of silence', async () => {
    const profile = await moved()
    const { gray, trips } = await visit(profile)
    for (const id of ['a', 'b', 'c']) await gray.enqueue(put(id))
    await pass(profile, 115_000)
    expect(trips).toEqual([])
    await pass(profile, 20_000)
    expect(trips).toMatchObject([{ by: 'silence' }])
    await gray.close()
  })

  it('is not cleared of its silence or its failures by answers to what it only reads', async () => {
    const profile = await moved()
    const { gray, trips } = await visit(profile)
    const ctx = profile.engines.refactored.starts.at(-1)
    for (const id of ['a', 'b', 'c']) await gray.enqueue(put(id))
    for (let n = 0; n < 11; n++) {
      await pass(profile, 10_000)
      for (const method of ['GET', 'HEAD']) await ctx?.fetch(SERVER, { method })
    }
    await pass(profile, 20_000)
    expect(trips).toMatchObject([{ by: 'silence' }])
    await gray.close()

    const other = await moved()
    const { gray: failing, trips: told } = await visit(other)
    const sender = other.engines.refactored.starts.at(-1)
    for (const fault of ['one', 'two', 'three', 'four']) {
      await sender?.fetch(SERVER, { method: 'HEAD' })
      sender?.fail((await failing.enqueue(put(fault))).opId, new Error(fault))
      await rest()
    }
    await rest()
    expect(told).toMatchObject([{ by: 'failures' }])
    await failing.close()
  })

  it('that is slow and answers is in good order, and so is one whose page slept', async () => {
    const profile = await moved()
    const { gray, trips } = await visit(profile)
    for (let n = 0; n < 12; n++) await gray.enqueue(put(`${n}`))
    const ctx = profile.engines.refactored.starts.at(-1)
    const opIds = profile.engines.refactored.disk.queue.map((row) => row.opId)
    for (const opId of opIds.slice(0, 6)) {
      await pass(profile, 60_000)
      ctx?.ack(opId)
    }
    expect(trips).toEqual([])
    await pass(profile, 60_000)
    await rest()
    expect(trips).toEqual([])
    await gray.close()
  })

  it('whose start throws trips at once, with a journal entry, and is not started again', async () => {
    const profile = await moved()
    let starts = 0
    profile.engines.refactored.start = () => {
      starts++
      return Promise.reject(new Error('broken build'))
    }
    const { gray, tab, trips } = await visit(profile)
    await expect.poll(() => trips).toEqual([{ engine: 'refactored', by: 'start' }])
    expect(gray.getSnapshot()).toMatchObject({
      running: null,
      reload: 'wanted',
      blocked: { by: 'ENGINE_START' },
    })
    await rest()
    const control = connectControl(tab)
    const { entries, gaps } = await readJournal(control)
    control.close()
    expect(entries.at(-1)).toMatchObject({
      kind: 'breaker.trip',
      detail: { by: 'start', version: '2' },
    })
    expect(gaps).toEqual([])
    await pass(profile, 150_000)
    expect(starts).toBe(1)
    await gray.close()
  })

  it.each([
    ['its module can not be loaded', new TypeError('Failed to fetch dynamically imported module')],
    ['the network is gone', new TypeError('Failed to fetch')],
  ])('that does not start because %s stays', async (_, cause) => {
    const profile = await moved()
    failStart(profile.engines.refactored, cause)
    const { gray, trips } = await visit(profile)
    await rest()
    expect(trips).toEqual([])
    await gray.close()
  })

  it('that can not be loaded, start after start in pages that live on, took no page with it', async () => {
    const profile = await moved()
    failStart(profile.engines.refactored, new TypeError('Failed to fetch'))
    for (let start = 0; start < 5; start++) {
      const { tab, trips } = await visit(profile)
      await rest()
      expect(trips).toEqual([])
      tab.kill()
    }
  })

  it('that takes the page with it three times is not started a fourth time', async () => {
    const profile = await moved()
    const { starts } = profile.engines.refactored
    const before = starts.length
    for (let boot = 0; boot < 3; boot++) (await visit(profile)).tab.kill()
    const { gray, trips } = await visit(profile)
    expect(trips).toEqual([{ engine: 'refactored', by: 'boots' }])
    expect(gray.getSnapshot()).toMatchObject({
      running: 'legacy',
      decision: { reason: 'ROLLED_BACK' },
    })
    expect(starts).toHaveLength(before + 3)
    await gray.close()
  })

  it.each<[string, (visit: Visit, profile: Profile) => unknown]>([
    ['is closed in order', ({ gray }) => gray.close()],
    ['was hidden', ({ tab }) => tab.live('hidden')],
    // What the engine still does while it stops, the page does not live to see.
    [
      'was reloaded',
      ({ tab }) => {
        tab.live('pagehide')
        tab.kill()
      },
    ],
    ['ran for a minute', (_, profile) => pass(profile, 61_000)],
  ])('may be started as often as its page %s', async (_, end) => {
    const profile = await moved()
    for (let boot = 0; boot < 5; boot++) {
      const { gray, tab, trips } = await visit(profile)
      expect(trips).toEqual([])
      expect(gray.getSnapshot().running).toBe('refactored')
      await end({ gray, tab, trips }, profile)
      tab.kill()
    }
  })
})

describe('a device that has rolled back', () => {
  async function tripped(): Promise<Profile> {
    const profile = await moved()
    await trip(profile)
    return profile
  }

  async function trip(profile: Profile, change: Partial<Rollout> = {}): Promise<void> {
    const { start } = profile.engines.refactored
    failStart(profile.engines.refactored, new Error('broken build'))
    const { gray, trips } = await visit(profile, change)
    await expect.poll(() => trips).toHaveLength(1)
    await rest()
    await gray.close()
    profile.engines.refactored.start = start
  }

  /** A page that stays open until what is left of the day after a rollback, a minute, is over. */
  const endDay = async (profile: Profile, change: Partial<Rollout>) => {
    const control = connectControl(profile.world.tab())
    await changeFact<object>(control, 'rollbacks', (kept) => ({ ...kept, coolMs: 60_000 }))
    control.close()
    const { gray } = await visit(profile, change)
    await vi.dynamicImportSettled()
    await rest()
    for (let step = 0; step < 3; step++) {
      profile.world.advance(60_000)
      await rest()
    }
    await gray.close()
  }

  const see = async (profile: Profile, change: Partial<Rollout> = {}) => {
    const { gray } = await visit(profile, change)
    const { running } = gray.getSnapshot()
    const reason = gray.decision?.reason
    await gray.close()
    return { running, reason }
  }

  it('stays there, whatever the rollout says, until its epoch rises', async () => {
    const profile = await tripped()
    const latched = { running: 'legacy', reason: 'ROLLED_BACK' }
    expect(await see(profile)).toEqual(latched)
    expect(await see(profile, { version: 2 })).toEqual(latched)
    expect(await see(profile, { version: 3, resetEpoch: 1 })).toEqual({
      running: 'refactored',
      reason: 'IN_SHARE',
    })
  })

  it('wants a reload in a page that stayed open until its epoch rose, and in one that follows it', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1 })
    await visitServed(served)
    failPush(served.engines.refactored)
    const gray = served.open()
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    const follower = served.open()
    await follower.start()
    const tripped = awaitEvent(gray, 'tripped')
    await gray.enqueue(put('a'))
    await pass(served, 40_000)
    await tripped
    await expect.poll(() => follower.getSnapshot().reload).toBe('wanted')
    await served.publish({ version: 2, resetEpoch: 1 })
    const noticed = [gray, follower].map((one) => awaitEvent(one, 'rolloutChanged'))
    // In small steps: who leads has to answer meanwhile, or loses the lead.
    await passTime(served.world, Promise.all(noticed), 1_000)
    const ctx = served.engines.refactored.starts.at(-1)
    await expect(ctx?.fetch(SERVER, { method: 'POST' })).rejects.toMatchObject({
      code: 'SUSPENDED',
    })
    expect([gray, follower].map((one) => one.getSnapshot().reload)).toEqual(['wanted', 'wanted'])
    await gray.close()
    await awaitSnapshot(follower, (s) => s.phase === 'running' && s.role === 'writer')
    expect(follower.getSnapshot()).toMatchObject({ running: 'refactored', reload: 'none' })
    await follower.close()
  })

  it('lets another version of the engine try, and remembers the one that failed', async () => {
    const profile = await tripped()
    const { refactored } = profile.engines
    expect((await see(profile)).running).toBe('legacy')
    refactored.version = '3'
    expect((await see(profile)).running).toBe('refactored')
    refactored.version = '2'
    expect(await see(profile)).toEqual({ running: 'legacy', reason: 'ROLLED_BACK' })
  })

  it('does not come back after the third trip of a version, however high the epoch', async () => {
    const profile = await tripped()
    for (const resetEpoch of [1, 2]) {
      expect((await see(profile, { resetEpoch: resetEpoch - 1 })).running).toBe('legacy')
      await endDay(profile, { resetEpoch: resetEpoch - 1 })
      expect((await see(profile, { resetEpoch })).running).toBe('refactored')
      await trip(profile, { resetEpoch })
    }
    for (const resetEpoch of [2, 3, 9]) {
      expect((await see(profile, { resetEpoch })).reason).toBe('ROLLED_BACK')
    }
  })

  it('rolls back twice within a day and not a third time, since it does not return before', async () => {
    const profile = await tripped()
    expect((await see(profile)).running).toBe('legacy')
    expect((await see(profile, { resetEpoch: 1 })).running).toBe('refactored')
    await trip(profile, { resetEpoch: 1 })
    expect((await see(profile, { resetEpoch: 1 })).running).toBe('legacy')
    const { gray } = await visit(profile, { resetEpoch: 2 })
    expect(gray.getSnapshot()).toMatchObject({ running: 'legacy', blocked: { by: 'HALTED' } })
    await gray.close()
    // Only time that is known to have passed counts, not what the clock of a device says.
    profile.world.advance(30 * 86_400_000)
    expect((await see(profile, { resetEpoch: 2 })).running).toBe('legacy')
    await endDay(profile, { resetEpoch: 2 })
    expect((await see(profile, { resetEpoch: 2 })).running).toBe('refactored')
  })

  it('stays there where its trip could not be written on a full disk, and writes it once there is room', async () => {
    const disk = createFaultyFactory()
    const profile = createProfile({ pristine: true, indexedDB: disk.factory })
    profile.world.answer(() => new Response())
    const { gray, tab, trips } = await visit(profile)
    expect(gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    const { opId } = await gray.enqueue(put('a'))
    disk.full = true
    const ctx = profile.engines.refactored.starts.at(-1)
    for (const fault of ['one', 'two', 'three', 'four']) {
      ctx?.fail(opId, new Error(fault))
      await rest()
    }
    expect(trips).toMatchObject([{ by: 'failures' }])
    disk.full = false
    tab.live('pagehide')
    tab.live('pageshow')
    await awaitSnapshot(gray, (s) => s.phase === 'running' && s.running === 'legacy')
    expect(gray.decision?.reason).toBe('ROLLED_BACK')
    expect(trips).toHaveLength(1)
    await gray.close()
    expect(await see(profile)).toEqual({ running: 'legacy', reason: 'ROLLED_BACK' })
  })

  it('has one entry in the journal for a trip that is looked for while it is written', async () => {
    const platform = createProfile().world.tab()
    const control = connectControl(platform)
    const breaker = createBreaker({
      platform,
      control,
      version: '2',
      epoch: () => 0,
      onTrip: () => {},
      report: () => {},
    })
    await Promise.all([breaker.trip('failures'), breaker.read(), breaker.read()])
    const { entries } = await readJournal(control)
    expect(entries.map(({ kind }) => kind)).toEqual(['breaker.trip'])
    expect(breaker.isOpen()).toBe(true)
    control.close()
  })

  it('counts a way back whose page died in it, and that another one finished', async () => {
    const profile = await tripped()
    const importer = profile.engines.legacy.queue?.importer
    if (!importer) throw new Error('the fake engine has an importer')
    const { activate } = importer
    const dying = profile.world.tab()
    const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
    await new Promise<void>((resolve) => {
      importer.activate = () => {
        dying.kill()
        resolve()
        return new Promise(() => undefined)
      }
      void profile.open({ rollout }, dying).start()
    })
    importer.activate = activate
    expect((await see(profile)).running).toBe('legacy')
    expect((await see(profile, { resetEpoch: 1 })).running).toBe('refactored')
    await trip(profile, { resetEpoch: 1 })
    expect((await see(profile, { resetEpoch: 1 })).running).toBe('legacy')
    const { gray } = await visit(profile, { resetEpoch: 2 })
    expect(gray.getSnapshot()).toMatchObject({ running: 'legacy', blocked: { by: 'HALTED' } })
    await gray.close()
  })

  it('keeps the latch through forget()', async () => {
    const profile = await tripped()
    const { gray } = await visit(profile)
    await gray.forget()
    await gray.close()
    expect((await see(profile)).reason).toBe('ROLLED_BACK')
  })
})
