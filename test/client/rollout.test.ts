import { IDBFactory } from 'fake-indexeddb'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Events, GraySync, GraySyncOptions } from '../../src/model/handle.js'
import type { Rollout } from '../../src/model/rollout.js'
import {
  createFakeEngine,
  createTestClient,
  createWorld,
  type RowOperation,
  type World,
} from '../../src/testing.js'
import { makeKeys, sign, type TestKeys } from '../support/rollout.js'
import { awaitSnapshot } from '../support/snapshot.js'
import { passTime } from '../support/time.js'

let keys: TestKeys
const URL = 'https://upstream.test/rollouts/sync-engine'
const NONE = [{ name: 'all', share: 0 }]

beforeAll(async () => {
  keys = await makeKeys()
})

interface Served {
  world: World
  publish(change: Partial<Rollout>): Promise<void>
  open(more?: Partial<GraySyncOptions<RowOperation>>): GraySync<RowOperation>
}

/** A profile whose upstream serves what was published last. */
function createServed(o: { subtle?: null } = {}): Served {
  const world = createWorld({ indexedDB: new IDBFactory(), ...o })
  const engines = {
    legacy: createFakeEngine(['cards']),
    refactored: createFakeEngine(['cards'], '2'),
  }
  return {
    world,
    async publish(change) {
      const envelope = await sign(keys, change)
      world.answer(() => new Response(envelope, { headers: { etag: `"${change.version}"` } }))
    },
    open: (more = {}) =>
      createTestClient<RowOperation>(
        {
          app: { name: 'test', version: '1' },
          engines,
          rollout: { url: URL, keys: [keys.public] },
          ...more,
        },
        world.tab(),
      ),
  }
}

function awaitEvent<K extends keyof Events>(
  gray: GraySync<RowOperation>,
  type: K,
): Promise<Events[K]> {
  return new Promise((resolve) => {
    const off = gray.on(type, (event) => {
      off()
      resolve(event)
    })
  })
}

describe('a running session', () => {
  it('notices a new rollout, asks for a reload, and changes the engine at the next start only', async () => {
    const served = createServed()
    await served.publish({ version: 1, stages: NONE })
    const first = served.open()
    const noticed = awaitEvent(first, 'rolloutChanged')
    await first.start()
    expect(await noticed).toEqual({ version: 1, engine: 'legacy' })
    await served.publish({ version: 2 })
    const changed = awaitEvent(first, 'rolloutChanged')
    expect(await passTime(served.world, changed)).toEqual({ version: 2, engine: 'refactored' })
    expect(first.getSnapshot()).toMatchObject({ running: 'legacy', reload: 'wanted' })
    await first.close()

    const second = served.open()
    served.world.online = false
    expect(await second.start()).toMatchObject({ running: 'refactored', reload: 'none' })
    expect(second.decision).toMatchObject({ reason: 'IN_SHARE', version: 2, cached: true })
    await second.close()
  })

  it('suspends the sends of refactored when the rollout is killed, and takes edits on', async () => {
    const served = createServed()
    await served.publish({ version: 1 })
    const warm = served.open()
    const noticed = awaitEvent(warm, 'rolloutChanged')
    await warm.start()
    await noticed
    await warm.close()
    const refactored = createFakeEngine(['cards'], '2')
    const gray = served.open({ engines: { legacy: createFakeEngine(['cards']), refactored } })
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    const ctx = refactored.starts[0]
    expect((await ctx?.fetch('https://upstream.test/', { method: 'POST' }))?.ok).toBe(true)

    await served.publish({ version: 2, kill: true })
    const wanted = awaitEvent(gray, 'reloadWanted')
    expect(await passTime(served.world, wanted)).toMatchObject({ to: 'legacy' })
    await expect(ctx?.fetch('https://upstream.test/', { method: 'POST' })).rejects.toMatchObject({
      code: 'SUSPENDED',
    })
    const { durable } = await gray.enqueue({ entity: 'cards', entityId: 'a', kind: 'put' })
    expect(durable).toBe(true)
    await gray.close()
  })

  it('lets the user choose, keeps the choice, and wants a reload for it', async () => {
    const served = createServed()
    await served.publish({ version: 1, stages: NONE })
    const gray = served.open()
    const noticed = awaitEvent(gray, 'rolloutChanged')
    await gray.start()
    await noticed
    expect(await gray.prefer('refactored')).toMatchObject({ running: 'legacy', reload: 'wanted' })
    expect(await gray.prefer(null)).toMatchObject({ reload: 'none' })
    await gray.prefer('refactored')
    await gray.close()
    const next = served.open()
    expect(await next.start()).toMatchObject({ running: 'refactored' })
    expect(next.decision?.reason).toBe('OPTED_IN')
    await next.close()
  })

  it('decides about the user who signed in before the start', async () => {
    const served = createServed()
    const envelope = await sign(keys, { version: 1, stages: NONE, allow: ['ann'] })
    const rollout = { keys: [keys.public], bootstrap: envelope }
    const gray = served.open({ rollout })
    await gray.identify({ id: 'ann' })
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    expect(gray.decision?.reason).toBe('ALLOWED')
    await gray.close()
  })

  it('keeps the bucket of a profile through login and logout', async () => {
    const served = createServed()
    await served.publish({ version: 1, stages: NONE })
    const gray = served.open()
    const noticed = awaitEvent(gray, 'rolloutChanged')
    await gray.start()
    await noticed
    await gray.close()
    const buckets = []
    for (const subject of [null, { id: 'ann' }, { id: 'ben' }, null]) {
      const next = served.open({ subject })
      await next.start()
      buckets.push(next.decision?.bucket)
      await next.close()
    }
    expect(buckets[0]).toEqual(expect.any(Number))
    expect(new Set(buckets).size).toBe(1)
  })
})

describe('a rollout that can not be trusted', () => {
  it('moves nobody when it is signed with another key', async () => {
    const served = createServed()
    const strange = await makeKeys()
    const envelope = await sign(strange, { version: 5 })
    served.world.answer(() => new Response(envelope))
    const gray = served.open()
    const failed = awaitEvent(gray, 'error')
    await gray.start()
    expect(await failed).toMatchObject({ code: 'ROLLOUT_SIGNATURE' })
    expect(gray.getSnapshot()).toMatchObject({ running: 'legacy', reload: 'none' })
    await gray.close()
  })

  it('is not replaced by an older one', async () => {
    const served = createServed()
    await served.publish({ version: 7 })
    const gray = served.open()
    const noticed = awaitEvent(gray, 'rolloutChanged')
    await gray.start()
    await noticed
    await served.publish({ version: 6, kill: true })
    const failed = awaitEvent(gray, 'error')
    expect(await passTime(served.world, failed)).toMatchObject({ code: 'ROLLOUT_REPLAY' })
    await gray.close()
    const next = served.open()
    expect(await next.start()).toMatchObject({ running: 'refactored' })
    await next.close()
  })

  it('is not used at all without WebCrypto: the profile stays where it is', async () => {
    const served = createServed({ subtle: null })
    await served.publish({ version: 1 })
    const gray = served.open()
    const failed = awaitEvent(gray, 'error')
    expect(await gray.start()).toMatchObject({ running: 'legacy' })
    expect(gray.decision?.reason).toBe('NO_ROLLOUT')
    expect(await failed).toMatchObject({ code: 'UNSUPPORTED' })
    await gray.close()
  })
})

describe('listeners', () => {
  it('end with their signal, and one that throws does not stop the others', async () => {
    const served = createServed()
    const gray = served.open()
    const heard: string[] = []
    const abort = new AbortController()
    gray.on('decided', () => heard.push('aborted'), { signal: abort.signal })
    abort.abort()
    gray.on('decided', () => {
      throw new Error('of the host')
    })
    gray.on('decided', () => heard.push('second'))
    await gray.start()
    expect(heard).toEqual(['second'])
    await awaitSnapshot(gray, (snapshot) => snapshot.phase === 'running')
    await gray.close()
  })
})
