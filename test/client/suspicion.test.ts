import { describe, expect, it } from 'vitest'
import type { Events } from '../../src/model/handle.js'
import type { Tab } from '../../src/testing.js'
import { makeKeys, sign } from '../support/rollout.js'
import { awaitEvent, createServed, visit } from '../support/served.js'
import { createProfile, type Profile, pass, put, replacePush, rest } from '../support/session.js'
import { passTime } from '../support/time.js'

const keys = await makeKeys()
// Loaded beforehand: the manual clock must not run away meanwhile.
await import('../../src/client/watch.js')
const SERVER = 'https://sync.test/apply'

async function open(profile: Profile, tab: Tab = profile.world.tab()) {
  const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
  const gray = profile.open({ rollout, subject: { id: 'ann' } }, tab)
  const trips: Events['tripped'][] = []
  gray.on('tripped', (event) => trips.push(event))
  return { gray, trips, tab }
}

async function moved() {
  const profile = createProfile({ pristine: true })
  profile.world.answer(() => new Response())
  const { gray } = await open(profile)
  await gray.start()
  expect(gray.getSnapshot()).toMatchObject({ running: 'refactored' })
  await gray.close()
  return profile
}

describe('a refactored engine is not given up', () => {
  it('for what waits in it while its user is signed out', async () => {
    const profile = await moved()
    const { gray, trips } = await open(profile)
    await gray.start()
    profile.world.online = false
    for (const id of ['a', 'b', 'c']) await gray.enqueue(put(id))
    await rest()
    await gray.identify(null)
    profile.world.online = true
    await pass(profile, 200_000)
    expect(trips).toEqual([])
    await gray.close()
  })

  it('since three pages that nobody ever saw were discarded', async () => {
    const profile = await moved()
    for (let again = 0; again < 3; again++) {
      const { gray, tab } = await open(profile)
      tab.live('hidden')
      await gray.start()
      tab.kill()
      await rest()
    }
    const { gray, trips } = await open(profile)
    await gray.start()
    expect(trips).toEqual([])
    expect(gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    await gray.close()
  })

  it('since its start failed after its page was left', async () => {
    const profile = await moved()
    const { refactored } = profile.engines
    const { start } = refactored
    let isStarting = false
    // As an engine whose first pull goes by `ctx.fetch`, and which says so in its own words.
    let go = () => {}
    const gate = new Promise<void>((open) => {
      go = open
    })
    refactored.start = async (ctx) => {
      isStarting = true
      await gate
      try {
        await ctx.fetch('https://sync.test/rows')
      } catch (cause) {
        throw new Error('the first pull failed', { cause })
      }
      return start(ctx)
    }
    const { gray, trips, tab } = await open(profile)
    void gray.start()
    await expect.poll(() => isStarting).toBe(true)
    refactored.start = start
    tab.loseLocks()
    const other = await open(profile)
    await other.gray.start()
    expect(other.gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    go()
    await rest()
    await rest()
    expect(trips).toEqual([])
    await gray.close()
    await other.gray.close()
  })

  it('for pushes that it refuses since its page was left', async () => {
    const profile = await moved()
    const { refactored } = profile.engines
    const refusals: ((cause: unknown) => void)[] = []
    let hangs = true
    replacePush(refactored, (_, go) =>
      hangs ? new Promise((_, reject) => void refusals.push(reject)) : go(),
    )
    const { gray, trips, tab } = await open(profile)
    await gray.start()
    await gray.enqueue(put('a'))
    for (let again = 0; again < 4; again++) {
      await expect.poll(() => refusals.length).toBe(1)
      tab.live('pagehide')
      await rest()
      // Its database is closed by now.
      refusals.splice(0)[0]?.(new Error('DatabaseClosedError'))
      await pass(profile, 11_000)
      tab.live('pageshow')
      await rest()
    }
    hangs = false
    await pass(profile, 11_000)
    expect(trips).toEqual([])
    await gray.close()
  })
})

describe('a refactored engine in good order', () => {
  it.each([401, 403, 429])(
    'does not trip while the server answers each send with %s',
    async (status) => {
      const profile = createProfile({ pristine: true })
      profile.world.answer(
        ({ method }) => new Response(null, { status: method === 'POST' ? status : 200 }),
      )
      const { gray, trips } = await open(profile)
      await gray.start()
      expect(gray.getSnapshot()).toMatchObject({ running: 'refactored' })
      const ctx = profile.engines.refactored.starts.at(-1)
      for (const id of ['a', 'b', 'c']) await gray.enqueue(put(id))
      for (let at = 0; at < 300_000; at += 20_000) {
        await ctx?.fetch(SERVER, { method: 'POST' })
        await pass(profile, 20_000)
      }
      expect(trips).toEqual([])
      await gray.close()
    },
    60_000,
  )
})

describe('a refactored engine whose sends are suspended by a kill', () => {
  it('is not given up for its silence: the kill may be lifted', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1 })
    await visit(served)
    const gray = served.open()
    const trips: Events['tripped'][] = []
    gray.on('tripped', (event) => trips.push(event))
    await gray.start()
    const ctx = served.engines.refactored.starts.at(-1)
    const notice = () => passTime(served.world, awaitEvent(gray, 'rolloutChanged'))
    await served.publish({ version: 2, kill: true })
    await notice()
    for (const id of ['a', 'b', 'c']) await gray.enqueue(put(id))
    for (let second = 0; second < 200; second++) {
      served.world.advance(1_000)
      await rest()
    }
    await expect(
      ctx?.fetch('https://upstream.test/api/apply', { method: 'POST' }),
    ).rejects.toMatchObject({ code: 'SUSPENDED' })
    await served.publish({ version: 3 })
    await notice()
    expect(trips).toEqual([])
    await expect(
      ctx?.fetch('https://upstream.test/api/apply', { method: 'POST' }),
    ).resolves.toBeTruthy()
    await gray.close()
  }, 60_000)
})
