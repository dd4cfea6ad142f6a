import { expect, it } from 'vitest'
import { readManifests } from '../../src/engine/backup.js'
import { stepControl } from '../../src/engine/control.js'
import type { Rollout } from '../../src/model/rollout.js'
import { connectControl } from '../../src/store/control.js'
import { createDexieProfile } from '../support/dexie-profile.js'
import { makeKeys, sign } from '../support/rollout.js'
import {
  createProfile,
  type Profile,
  pass,
  put,
  queued,
  replacePush,
  rest,
} from '../support/session.js'

const keys = await makeKeys()
await import('../../src/client/desk.js')
await import('../../src/flows/audit.js')
const DAY_MS = 86_400_000

async function open(profile: Profile, change: Partial<Rollout>, tab = profile.world.tab()) {
  const gray = profile.open(
    {
      rollout: { keys: [keys.public], bootstrap: await sign(keys, change) },
      subject: { id: 'ann' },
    },
    tab,
  )
  await gray.start()
  return gray
}

/** A profile of legacy with one operation, which waits in its queue. */
async function setUp() {
  const profile = createProfile()
  const { legacy } = profile.engines
  const before = await open(profile, { version: 1, stages: [{ name: 'all', share: 0 }] })
  const { opId } = await before.enqueue(put('a', '1'))
  await expect.poll(() => queued(legacy)).toEqual([opId])
  return { profile, ...profile.engines, before, opId }
}

it('restore() keeps what the user wrote since and no server has', async () => {
  const { profile, refactored, before, opId } = await setUp()
  await before.close()
  const gray = await open(profile, { version: 2 })
  expect(gray.getSnapshot()).toMatchObject({ running: 'refactored' })
  const later = await gray.enqueue(put('a', '2'))
  await expect.poll(() => queued(refactored)).toEqual([opId, later.opId])
  await gray.restore()
  await rest()
  expect(refactored.disk.rows.get('cards')?.get('a')).toMatchObject({ text: '2' })
  await gray.close()
})

it('restore() keeps what the user wrote since where the page died before its push was noted', async () => {
  const { profile, refactored, before } = await setUp()
  await before.close()
  const { start } = refactored
  replacePush(refactored, async (_, go) => {
    await go()
    // The page dies here: the engine has it, and the op-log does not know yet.
    await new Promise(() => undefined)
  })
  const tab = profile.world.tab()
  const there = await open(profile, { version: 2 }, tab)
  expect(there.getSnapshot()).toMatchObject({ running: 'refactored' })
  const later = await there.enqueue(put('a', '2'))
  await expect.poll(() => queued(refactored)).toContain(later.opId)
  tab.kill()
  refactored.start = start
  const gray = await open(profile, { version: 2 })
  await rest()
  await gray.restore()
  await rest()
  expect(refactored.disk.rows.get('cards')?.get('a')).toMatchObject({ text: '2' })
  await gray.close()
})

it('restore() keeps what was captured and is not in the op-log yet', async () => {
  const profile = await createDexieProfile()
  const { engines } = profile
  const first = await profile.load('legacy')
  await first.gray.start()
  await first.legacy.cards.put({ id: 'a', text: '1' })
  await expect.poll(() => engines.legacy.fake.disk.queue.length).toBe(1)
  await rest()
  await first.leave()
  const second = await profile.load('refactored')
  await second.refactored.open()
  await second.gray.start()
  expect(second.gray.getSnapshot()).toMatchObject({ running: 'refactored' })
  await rest()
  // A page whose handle moves nothing by itself yet, as one that is killed right after the commit.
  const other = await profile.load('refactored')
  await other.refactored.cards.put({ id: 'a', text: '2' })
  await second.gray.restore()
  await rest()
  await expect
    .poll(() => engines.refactored.fake.disk.queue.map(({ op }) => op.row?.text))
    .toEqual(['1', '2'])
  expect(await profile.describe('refactored').cards.get('a')).toMatchObject({ text: '2' })
  other.refactored.close()
  await second.leave()
})

it('restore() does not take the effect of an operation away for good that only a later engine knows', async () => {
  const { profile, legacy, refactored, before } = await setUp()
  legacy.acknowledge()
  await expect.poll(() => before.openOperations()).toEqual([])
  await before.close()
  refactored.knows = ({ kind }) => kind !== 'rename'
  const there = await open(profile, { version: 2 })
  expect(there.getSnapshot()).toMatchObject({ running: 'refactored' })
  // A newer form of the app wrote the row by itself, and this build of the engine does not know the operation.
  refactored.disk.rows.get('cards')?.set('a', { id: 'a', text: '2' })
  const { opId } = await there.enqueue({ ...put('a', '2'), kind: 'rename' }, { applied: true })
  await rest()
  await there.restore()
  await rest()
  await there.close()
  refactored.knows = () => true
  const later = await open(profile, { version: 2 })
  await pass(profile, 5_000)
  expect(queued(refactored)).toEqual([opId])
  expect(refactored.disk.rows.get('cards')?.get('a')).toMatchObject({ text: '2' })
  await later.close()
})

it.each([1, 31])(
  'restore() after %i days sends nothing again that was acknowledged',
  async (days) => {
    const { profile, refactored, before, opId } = await setUp()
    await before.close()
    const there = await open(profile, { version: 2 })
    expect(queued(refactored)).toEqual([opId])
    refactored.acknowledge()
    await expect.poll(() => there.openOperations()).toEqual([])
    await there.close()
    profile.world.advance(days * DAY_MS)
    const later = await open(profile, { version: 2 })
    await rest()
    await later.restore()
    await rest()
    expect(queued(refactored)).toEqual([])
    await later.close()
  },
)

it('restore() leaves the rows of an engine alone that are in its own shape', async () => {
  const { profile, legacy, before } = await setUp()
  legacy.acknowledge()
  await expect.poll(() => before.openOperations()).toEqual([])
  await before.close()
  await (await open(profile, { version: 2 })).close()
  const back = await open(profile, { version: 3, kill: true })
  expect(back.getSnapshot()).toMatchObject({ running: 'legacy' })
  const control = connectControl(profile.world.tab())
  const manifest = (await readManifests(control)).find(({ from }) => from === 'legacy')
  control.close()
  const hydrated: string[] = []
  const { store } = legacy
  if (!store) throw new Error('none')
  const { hydrate } = store
  store.hydrate = (table, rows) => {
    hydrated.push(table)
    return hydrate(table, rows)
  }
  expect(await back.restore(manifest?.hid)).toMatchObject({ rows: 0 })
  expect(hydrated).toEqual([])
  await back.close()
})

it('restore() puts the effect of an operation that was lost into rows that are left alone', async () => {
  const { profile, legacy, before, opId } = await setUp()
  await before.close()
  await (await open(profile, { version: 2 })).close()
  await (await open(profile, { version: 3, kill: true })).close()
  const control = connectControl(profile.world.tab())
  const manifest = (await readManifests(control)).find(({ from }) => from === 'legacy')
  await control.run((db) => db.clear('oplog'))
  control.close()
  legacy.disk.queue.splice(0)
  legacy.disk.rows.get('cards')?.delete('a')
  const gray = await open(profile, { version: 3, kill: true })
  expect(gray.getSnapshot()).toMatchObject({ running: 'legacy' })
  expect(await gray.restore(manifest?.hid)).toMatchObject({ operations: 1, rows: 0 })
  await rest()
  expect(queued(legacy)).toEqual([opId])
  expect(legacy.disk.rows.get('cards')?.get('a')).toMatchObject({ text: '1' })
  await gray.close()
})

it.each<[string, (profile: Profile) => Promise<void>]>([
  [
    'a part of it is damaged',
    async ({ world }) => {
      const control = connectControl(world.tab())
      const [manifest] = await readManifests(control)
      const { hid = '', parts = [] } = manifest ?? {}
      await control.run((db) => db.put('backup', { hid, part: parts.length, value: [] }))
      control.close()
    },
  ],
  [
    'the store takes no more rows',
    async ({ engines }) => {
      const { store } = engines.refactored
      if (!store) throw new Error('the fake engine has a store')
      const { hydrate } = store
      store.hydrate = async (table, rows) => {
        if (rows.some((row) => (row as { id: string }).id === 'f')) throw new Error('full')
        return hydrate(table, rows)
      }
    },
  ],
])(
  'restore() that ends in the middle, since %s, hides nothing that the user wrote since',
  async (_, fail) => {
    const { profile, legacy, refactored, before } = await setUp()
    for (const id of ['b', 'c', 'd', 'e', 'f']) await before.enqueue(put(id, '1'))
    await expect.poll(() => queued(legacy).length).toBe(6)
    await before.close()
    const gray = await open(profile, { version: 2 })
    const { opId } = await gray.enqueue(put('a', '2'))
    await expect.poll(() => queued(refactored)).toContain(opId)
    await fail(profile)
    await expect(gray.restore()).rejects.toThrow()
    expect(refactored.disk.rows.get('cards')?.get('a')).toMatchObject({ text: '2' })
    await gray.close()
  },
)

it('restore() gives each operation its effect again, also where the store refuses one before it', async () => {
  const { profile, refactored, before } = await setUp()
  await before.close()
  const gray = await open(profile, { version: 2 })
  await gray.enqueue(put('b', 'bad'))
  const { opId } = await gray.enqueue(put('a', '2'))
  await expect.poll(() => queued(refactored)).toContain(opId)
  const { store } = refactored
  if (!store) throw new Error('the fake engine has a store')
  const { apply } = store
  store.apply = async (op) => {
    if (op.entityId === 'b') throw new Error('refused')
    return apply(op)
  }
  await expect(gray.restore()).rejects.toThrow('refused')
  expect(refactored.disk.rows.get('cards')?.get('a')).toMatchObject({ text: '2' })
  await gray.close()
})

it('restore() that a handover overtakes is refused, and takes up no operation', async () => {
  const { profile, refactored, before } = await setUp()
  await before.close()
  const gray = await open(profile, { version: 2 })
  const control = connectControl(profile.world.tab())
  await control.run((db) => db.clear('oplog'))
  const { store } = refactored
  if (!store) throw new Error('the fake engine has a store')
  const { hydrate } = store
  store.hydrate = async (...given) => {
    await hydrate(...given)
    const step = { at: 0, kind: 'handover.fenced' }
    await stepControl(control, step, (now) => ({ ...now, flip: now.flip + 1, owner: null }))
  }
  await expect(gray.restore()).rejects.toMatchObject({ code: 'FENCED' })
  expect(await gray.openOperations()).toEqual([])
  control.close()
  await gray.close()
})

it('restore() that a handover overtakes writes no more rows into the engine that is left', async () => {
  const { profile, legacy, refactored, before } = await setUp()
  const rows = Array.from({ length: 20 }, (_, at) => ({ id: `row ${at}` }))
  await legacy.store?.hydrate('cards', rows)
  await before.close()
  const gray = await open(profile, { version: 2 })
  const control = connectControl(profile.world.tab())
  const { store } = refactored
  if (!store) throw new Error('the fake engine has a store')
  const { hydrate } = store
  let pages = 0
  store.hydrate = async (...given) => {
    pages++
    await hydrate(...given)
    const step = { at: 0, kind: 'handover.fenced' }
    await stepControl(control, step, (now) => ({ ...now, flip: now.flip + 1, owner: null }))
  }
  await expect(gray.restore()).rejects.toMatchObject({ code: 'FENCED' })
  expect(pages).toBe(1)
  control.close()
  await gray.close()
})

it('restore() in the middle of a handover is refused, and takes up nothing', async () => {
  const { profile, legacy, before } = await setUp()
  await before.close()
  await (await open(profile, { version: 2 })).close()
  const { importer } = legacy.queue ?? {}
  if (!importer) throw new Error('the fake engine has an importer')
  const { stage } = importer
  let goOn = () => {}
  const staging = new Promise<void>((begun) => {
    importer.stage = async (...given) => {
      begun()
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
      return stage(...given)
    }
  })
  const back = open(profile, { version: 3, kill: true })
  await staging
  const other = await open(profile, { version: 3, kill: true })
  await expect(other.restore()).rejects.toMatchObject({ code: 'HALTED' })
  goOn()
  await other.close()
  await (await back).close()
})

it('restore() takes the newest backup of the present user, and of nobody else', async () => {
  const { profile, before } = await setUp()
  await before.close()
  await (await open(profile, { version: 2 })).close()
  const bob = profile.open({
    rollout: { keys: [keys.public], bootstrap: await sign(keys, { version: 2 }) },
    subject: { id: 'bob' },
  })
  await bob.start()
  await expect(bob.restore()).rejects.toMatchObject({ code: 'BACKUP' })
  await bob.close()
  const ann = await open(profile, { version: 2 })
  expect(await ann.restore()).toMatchObject({ operations: 1 })
  await ann.close()
})

it('restore() shows the present user nothing that waits of another one', async () => {
  const { profile, refactored, before } = await setUp()
  await before.close()
  const bob = profile.open({
    rollout: { keys: [keys.public], bootstrap: await sign(keys, { version: 2 }) },
    subject: { id: 'bob' },
  })
  expect(await bob.start()).toMatchObject({ running: 'refactored' })
  // The app clears the rows as somebody signs out.
  refactored.disk.rows.clear()
  const { store } = refactored
  if (!store) throw new Error('the fake engine has a store')
  const applied: string[] = []
  store.apply = async ({ entityId }) => void applied.push(entityId)
  await bob.enqueue(put('of bob'), { applied: true })
  await bob.restore()
  expect(applied).toEqual(['of bob'])
  await bob.close()
})
