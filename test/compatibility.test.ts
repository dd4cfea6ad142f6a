import { pathToFileURL } from 'node:url'
import { IDBFactory } from 'fake-indexeddb'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Control } from '../src/model/engine.js'
import type { GraySyncError } from '../src/model/errors.js'
import type { GraySync, Snapshot } from '../src/model/handle.js'
import { openControl } from '../src/store/control.js'
import type * as Testing from '../src/testing.js'
import * as present from '../src/testing.js'
import { unpackPrevious } from './support/previous.js'
import { makeKeys, sign, type TestKeys } from './support/rollout.js'
import { put, queued, rest } from './support/session.js'

let previous: typeof Testing
let keys: TestKeys
let rollouts: { none: string; all: string }
beforeAll(async () => {
  const door = `${await unpackPrevious('compatibility')}testing.js`
  previous = (await import(pathToFileURL(door).href)) as typeof Testing
  keys = await makeKeys()
  const [none, all] = await Promise.all([
    sign(keys, { version: 1, stages: [{ name: 'all', share: 0 }] }),
    sign(keys, { version: 2 }),
  ])
  rollouts = { none, all }
})

interface Opened {
  gray: GraySync<Testing.RowOperation>
  tab: Testing.Tab
  errors: string[]
}

/** One profile that both builds use in turn. Its engines are of the older build: an app brings its own. */
function createProfile() {
  const world = present.createWorld({ indexedDB: new IDBFactory() })
  const legacy = previous.createFakeEngine(['cards'])
  const refactored = previous.createFakeEngine(['cards'], '2')
  const open = (build: typeof Testing, bootstrap: string, tab = world.tab()): Opened => {
    const gray = build.createTestClient<Testing.RowOperation>(
      {
        app: { name: 'test', version: '1' },
        engines: { legacy, refactored },
        rollout: { keys: [keys.public], bootstrap },
      },
      tab,
    )
    const errors: string[] = []
    gray.on('error', (error: GraySyncError) => errors.push(error.code))
    return { gray, tab, errors }
  }
  return { world, legacy, refactored, open }
}

async function use({ gray }: Opened, engine: Testing.FakeEngine, entityId: string) {
  await gray.start()
  const { opId } = await gray.enqueue(put(entityId))
  await expect.poll(() => queued(engine)).toContain(opId)
  await gray.close()
  return opId
}

async function changeControl(tab: Testing.Tab, change: Partial<Control>): Promise<void> {
  const db = await openControl(tab)
  const control = (await db.get('control', 'control')) as Control
  await db.put('control', { ...control, ...change })
  db.close()
}

describe('the previous build on what this one wrote', () => {
  it('goes on with its owner and its operations, and this one goes on with those of the previous', async () => {
    const { legacy, refactored, open } = createProfile()
    const first = await use(open(present, rollouts.none), legacy, 'a')
    const second = await use(open(present, rollouts.all), refactored, 'b')
    const third = await use(open(previous, rollouts.all), refactored, 'c')
    const fourth = await use(open(present, rollouts.all), refactored, 'd')
    expect(queued(refactored)).toEqual([first, second, third, fourth])
    expect(queued(legacy)).toEqual([])
    expect([...(refactored.disk.rows.get('cards')?.keys() ?? [])].sort()).toEqual([
      'a',
      'b',
      'c',
      'd',
    ])
  })

  it('sends nothing and says so where the record asks for a newer reader, and loses nothing', async () => {
    const { legacy, open, world } = createProfile()
    const first = await use(open(present, rollouts.none), legacy, 'a')
    await changeControl(world.tab(), { minReader: 2 })
    const old = open(previous, rollouts.all)
    const snapshot: Snapshot = await old.gray.start()
    expect(snapshot).toMatchObject({
      running: null,
      reload: 'required',
      blocked: { by: 'NEWER_STATE' },
    })
    expect(old.errors).toContain('NEWER_STATE')
    const { opId: second, durable } = await old.gray.enqueue(put('b'))
    expect(durable).toBe(true)
    await rest()
    expect(queued(legacy)).toEqual([first])
    expect(legacy.starts).toHaveLength(1)
    await old.gray.close()
    await changeControl(world.tab(), { minReader: 1 })
    const third = await use(open(present, rollouts.none), legacy, 'c')
    expect(queued(legacy)).toEqual([first, second, third])
  })
})

describe('a backup of one build', () => {
  it.each([
    ['the previous', 'this'],
    ['this', 'the previous'],
  ])('that %s one wrote is restored by %s one', async (writer) => {
    const [writing, reading] = writer === 'this' ? [present, previous] : [previous, present]
    const { world, legacy, refactored, open } = createProfile()
    const first = await use(open(writing, rollouts.none), legacy, 'a')
    const moving = open(writing, rollouts.all)
    expect(await moving.gray.start()).toMatchObject({ running: 'refactored' })
    await moving.gray.close()
    const db = await openControl(world.tab())
    await db.clear('oplog')
    db.close()
    refactored.disk.queue.splice(0)
    refactored.disk.rows.clear()
    const { gray } = open(reading, rollouts.all)
    await gray.start()
    expect(await gray.restore()).toMatchObject({ operations: 1, rows: 1 })
    expect(queued(refactored)).toEqual([first])
    expect([...(refactored.disk.rows.get('cards')?.keys() ?? [])]).toEqual(['a'])
    await gray.close()
  })
})

describe('this build on what the previous one left', () => {
  it.each(['hydrate', 'stage', 'activate'] as const)(
    'ends a handover that died at %s, and moves everything once',
    async (member) => {
      const { legacy, refactored, open } = createProfile()
      const first = await use(open(previous, rollouts.none), legacy, 'a')
      const dying = open(previous, rollouts.all)
      const side = member === 'hydrate' ? refactored.store : refactored.queue?.importer
      const before = (side as unknown as Record<string, unknown>)[member]
      await new Promise<void>((died) => {
        Object.assign(side ?? {}, {
          [member]: () => {
            dying.tab.kill()
            died()
            return new Promise(() => {})
          },
        })
        void dying.gray.start()
      })
      Object.assign(side ?? {}, { [member]: before })
      const second = await use(open(present, rollouts.all), refactored, 'b')
      expect(queued(refactored)).toEqual([first, second])
      expect(queued(legacy)).toEqual([])
    },
  )
})
