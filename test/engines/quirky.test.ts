import { IDBFactory } from 'fake-indexeddb'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Guarantee } from '../../src/model/engine.js'
import {
  createFakeEngine,
  createTestClient,
  createWorld,
  type FakeEngine,
  type RowOperation,
} from '../../src/testing.js'
import { makeKeys, sign, type TestKeys } from '../support/rollout.js'
import { put, queued, rest } from '../support/session.js'
import { passTime } from '../support/time.js'
import {
  countLoads,
  createHasty,
  createLiar,
  createRestless,
  openOldQueue,
  SHAPES,
} from './quirky.js'

let keys: TestKeys
let rollouts: { none: string; all: string }
beforeAll(async () => {
  keys = await makeKeys()
  const [none, all] = await Promise.all([
    sign(keys, { version: 1, stages: [{ name: 'all', share: 0 }] }),
    sign(keys, { version: 2 }),
  ])
  rollouts = { none, all }
})

function createProfile(legacy: FakeEngine, refactored = createFakeEngine(['cards'], '2')) {
  const world = createWorld({ indexedDB: new IDBFactory() })
  world.answer(() => new Response(null, { headers: { 'graysync-outcome': 'applied' } }))
  const open = (bootstrap: string, tab = world.tab()) =>
    createTestClient<RowOperation>(
      {
        app: { name: 'test', version: '1' },
        engines: { legacy, refactored },
        rollout: { keys: [keys.public], bootstrap },
      },
      tab,
    )
  return { world, legacy, refactored, open }
}

const send = (engine: FakeEngine) =>
  engine.starts.at(-1)?.fetch('https://upstream.test/', { method: 'POST' })
const missingOf = ({ missing }: Guarantee) => missing.map(({ member }) => member)

describe('an engine that never stops', () => {
  it('is contained at most, and sends nothing once its tab is no longer the writer', async () => {
    const legacy = createRestless()
    const { open, world, refactored } = createProfile(legacy)
    const tab = world.tab()
    const gray = open(rollouts.none, tab)
    await gray.start()
    const { opId } = await gray.enqueue(put('a'))
    await expect.poll(() => queued(legacy)).toEqual([opId])
    await send(legacy)
    expect(missingOf(gray.guarantee)).not.toContain('legacy.ctx.fetch')
    expect(missingOf(gray.guarantee)).toContain('legacy.stop is clean')
    const late = legacy.starts.at(-1)
    tab.loseLocks()
    const next = open(rollouts.all)
    expect(await next.start()).toMatchObject({ running: 'refactored' })
    await expect(late?.fetch('https://upstream.test/', { method: 'POST' })).rejects.toMatchObject({
      code: 'FENCED',
    })
    expect(gray.getSnapshot()).toMatchObject({ running: null, blocked: { by: 'FENCED' } })
    expect(queued(refactored)).toEqual([opId])
    await Promise.all([gray.close(), next.close()])
  })
})

describe('an engine that starts when it is imported', () => {
  it('is not imported before it owns the profile, and is as safe as its members', async () => {
    const { open } = createProfile(createFakeEngine(['cards']), createHasty('2'))
    const before = countLoads()
    const gray = open(rollouts.none)
    await gray.start()
    expect(gray.guarantee.tier).toBe('drain')
    await gray.close()
    expect(countLoads()).toBe(before)
    const next = open(rollouts.all)
    expect(await next.start()).toMatchObject({ running: 'refactored' })
    expect(countLoads()).toBe(before + 1)
    await next.close()
  })
})

describe('an engine that says ok and drops', () => {
  it('is never contained, and the server is found to lack what it dropped', async () => {
    const legacy = createLiar()
    const { open, world } = createProfile(legacy)
    const gray = open(rollouts.none)
    await gray.start()
    const { settled } = await gray.enqueue(put('a'))
    expect(await settled).toMatchObject({ status: 'acked' })
    expect(gray.guarantee.tier).toBe('drain')
    expect(missingOf(gray.guarantee)).toContain('legacy.ctx.fetch')
    const server = createFakeEngine(['cards']).data
    if (!server) throw new Error('no data')
    const report = await passTime(world, gray.audit({ against: server }))
    expect(report.tables).toMatchObject([{ table: 'cards', missing: 1 }])
    await gray.close()
  })
})

describe.each(SHAPES)('a queue as %s', (shape) => {
  it('is moved whole and in order, also what is stuck at work, and each once', async () => {
    const legacy = createFakeEngine(['cards'])
    const { open, refactored, world } = createProfile(legacy)
    const old = openOldQueue(shape, world.notes)
    legacy.queue = old.queue
    for (const [kind, id] of [
      ['put', 'a'],
      ['put', 'b'],
      ['put', 'a'],
    ] as const) {
      await old.add(kind, id)
      await legacy.store?.apply({ ...put(id, kind), opId: '-' })
    }
    const ids = (await old.queue.exporter?.read())?.map((one) => one.opId)
    expect(new Set(ids).size).toBe(3)
    const gray = open(rollouts.all)
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    expect(queued(refactored)).toEqual(ids)
    expect(await old.queue.size()).toMatchObject({ count: 0 })
    expect(missingOf(gray.guarantee)).not.toContain('legacy.queue.exporter')
    await gray.close()
    const again = open(rollouts.all)
    await again.start()
    await rest()
    expect(queued(refactored)).toEqual(ids)
    await again.close()
  })
})
