import { IDBFactory } from 'fake-indexeddb'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { readManifests } from '../../src/engine/backup.js'
import type { Events, GraySync, GraySyncOptions } from '../../src/model/handle.js'
import type { Rollout } from '../../src/model/rollout.js'
import { changeFact, connectControl, openControl, readFact } from '../../src/store/control.js'
import {
  createFakeEngine,
  createTestClient,
  createWorld,
  type FakeEngine,
  type RowOperation,
  type Tab,
  type World,
} from '../../src/testing.js'
import { makeKeys, sign, type TestKeys } from '../support/rollout.js'
import { rest } from '../support/session.js'

let keys: TestKeys

beforeAll(async () => {
  keys = await makeKeys()
})

interface Profile {
  world: World
  engines: { legacy: FakeEngine; refactored: FakeEngine }
  open(change?: Partial<Rollout>, more?: Partial<GraySyncOptions<RowOperation>>): Promise<Opened>
}

interface Opened {
  gray: GraySync<RowOperation>
  tab: Tab
  finished: Events['handoverFinished'][]
}

function createProfile(): Profile {
  const world = createWorld({ indexedDB: new IDBFactory() })
  const engines = {
    legacy: createFakeEngine(['cards']),
    refactored: createFakeEngine(['cards'], '2'),
  }
  return {
    world,
    engines,
    async open(change = {}, more = {}) {
      const tab = world.tab()
      const gray = createTestClient<RowOperation>(
        {
          app: { name: 'test', version: '1' },
          engines,
          rollout: { keys: [keys.public], bootstrap: await sign(keys, change) },
          ...more,
        },
        tab,
      )
      const finished: Events['handoverFinished'][] = []
      gray.on('handoverFinished', (event) => finished.push(event))
      return { gray, tab, finished }
    },
  }
}

const put = (entityId: string, text: string): RowOperation => ({
  entity: 'cards',
  entityId,
  kind: 'put',
  row: { text },
})

/** Says how much was asked of all stores at once at most, as requests or as rows of one. */
function watchRequests(): { most(): number; end(): void } {
  let most = 0
  let open = 0
  const watch = (made: unknown) => {
    const request = made as IDBRequest
    most = Math.max(most, ++open)
    request.addEventListener('success', () => {
      open--
      if (Array.isArray(request.result)) most = Math.max(most, request.result.length)
    })
    return request
  }
  const watched = [
    ...(['get', 'getAll', 'put', 'add'] as const).map((name) => [IDBObjectStore.prototype, name]),
    ...(['get', 'getAll', 'getKey'] as const).map((name) => [IDBIndex.prototype, name]),
  ] as [Record<string, (...args: unknown[]) => unknown>, string][]
  const spies = watched.map(([prototype, name]) => {
    const before = prototype[name]
    return vi.spyOn(prototype, name).mockImplementation(function (this: unknown, ...args) {
      return watch(before?.apply(this, args))
    })
  })
  return { most: () => most, end: () => spies.forEach((spy) => void spy.mockRestore()) }
}

/** A profile that used legacy for a while: ten cards, three of them not yet sent. */
async function useLegacy(profile: Profile): Promise<string[]> {
  const { gray } = await profile.open({ version: 1, stages: [{ name: 'all', share: 0 }] })
  await gray.start()
  for (let n = 0; n < 7; n++) await gray.enqueue(put(`sent-${n}`, 'sent'))
  const { legacy } = profile.engines
  await expect.poll(() => legacy.disk.queue.length).toBe(7)
  legacy.acknowledge()
  await expect.poll(() => gray.openOperations()).toEqual([])
  const opIds: string[] = []
  for (let n = 0; n < 3; n++) opIds.push((await gray.enqueue(put(`open-${n}`, 'open'))).opId)
  await expect.poll(() => legacy.disk.queue.length).toBe(3)
  await gray.close()
  return opIds
}

const rowsOf = (engine: FakeEngine) => Object.fromEntries(engine.disk.rows.get('cards') ?? [])

describe('a handover', () => {
  it('moves rows and pending operations, and runs the other engine alone', async () => {
    const profile = createProfile()
    const opIds = await useLegacy(profile)
    const before = rowsOf(profile.engines.legacy)
    const { gray, finished } = await profile.open({ version: 2 })
    const snapshot = await gray.start()
    expect(snapshot).toMatchObject({ phase: 'running', running: 'refactored', role: 'writer' })
    expect(finished).toMatchObject([{ outcome: 'committed', moved: 3 }])
    expect(rowsOf(profile.engines.refactored)).toEqual(before)
    expect(Object.keys(before)).toHaveLength(10)
    expect(profile.engines.refactored.disk.queue.map((row) => row.opId)).toEqual(opIds)
    expect(profile.engines.legacy.disk.queue).toEqual([])
    expect(profile.engines.legacy.starts).toHaveLength(1)
    await gray.close()
  })

  it('of hundreds of operations asks for no more than a page of them at once', async () => {
    const profile = createProfile()
    const { legacy, refactored } = profile.engines
    for (let n = 0; n < 400; n++) {
      const op = put(`card-${n}`, 'of an old queue')
      legacy.disk.queue.push({ opId: `op-${n}`, op, userId: null, state: 'open' })
    }
    const { gray, finished } = await profile.open({ version: 1 })
    const requests = watchRequests()
    await gray.start()
    requests.end()
    expect(finished).toMatchObject([{ outcome: 'committed', moved: 400 }])
    expect(refactored.disk.queue.map((row) => row.opId)).toEqual(
      Array.from({ length: 400 }, (_, n) => `op-${n}`),
    )
    expect(requests.most()).toBeGreaterThan(50)
    expect(requests.most()).toBeLessThanOrEqual(100)
    await gray.close()
  })

  it('comes back with what was written meanwhile when the rollout is killed', async () => {
    const profile = createProfile()
    await useLegacy(profile)
    const forth = await profile.open({ version: 2 })
    await forth.gray.start()
    await forth.gray.enqueue(put('new', 'written on refactored'))
    await expect.poll(() => profile.engines.refactored.disk.queue.length).toBe(4)
    await forth.gray.close()
    const back = await profile.open({ version: 3, kill: true })
    expect(await back.gray.start()).toMatchObject({ running: 'legacy' })
    expect(back.gray.decision?.reason).toBe('KILLED')
    expect(rowsOf(profile.engines.legacy)).toEqual(rowsOf(profile.engines.refactored))
    expect(rowsOf(profile.engines.legacy).new).toMatchObject({ text: 'written on refactored' })
    expect(profile.engines.legacy.disk.queue).toHaveLength(4)
    await back.gray.close()
  })

  it('keeps a verified backup of rows and operations', async () => {
    const profile = createProfile()
    const opIds = await useLegacy(profile)
    const { gray, tab } = await profile.open({ version: 2 })
    await gray.start()
    const db = await openControl(tab)
    const parts = await db.getAll('backup')
    db.close()
    expect(parts[0]?.value).toMatchObject({ operations: 3, rows: 10, withRows: true })
    expect(parts[1]?.value).toMatchObject(opIds.map((opId) => ({ opId })))
    profile.engines.refactored.disk.rows.clear()
    expect(await gray.restore()).toMatchObject({ operations: 3, rows: 10 })
    expect(Object.keys(rowsOf(profile.engines.refactored))).toHaveLength(10)
    await gray.close()
  })

  it('has in its backup, and moves, what the queue took until the fence', async () => {
    const profile = createProfile()
    const opIds = await useLegacy(profile)
    const { legacy, refactored } = profile.engines
    const { gray, tab } = await profile.open({ version: 2 })
    const off = gray.subscribe(() => {
      const snapshot = gray.getSnapshot()
      if (snapshot.phase !== 'handover' || snapshot.step !== 'fenced') return
      off()
      // A build without graysync, which no fence holds up.
      legacy.disk.queue.push({ opId: 'stale', op: put('stale', ''), userId: null, state: 'open' })
    })
    await gray.start()
    const control = connectControl(tab)
    const [manifest] = await readManifests(control)
    expect(manifest).toMatchObject({ operations: 4 })
    expect(refactored.disk.queue.map(({ opId }) => opId)).toEqual([...opIds, 'stale'])
    expect(legacy.disk.queue).toEqual([])
    control.close()
    await gray.close()
  })

  it('raises both tokens at the fence and at the commit, and numbers its journal', async () => {
    const profile = createProfile()
    await useLegacy(profile)
    const { gray, tab } = await profile.open({ version: 2 })
    await gray.start()
    const db = await openControl(tab)
    const journal = await db.getAll('journal')
    db.close()
    const kinds = journal.map((entry) => entry.kind).filter((kind) => kind.startsWith('handover'))
    expect(kinds).toEqual([
      'handover.preparing',
      'handover.fenced',
      'handover.saved',
      'handover.imported',
      'handover.committed',
      'handover.finished',
    ])
    expect(journal.map((entry) => entry.seq)).toEqual(journal.map((_, index) => index + 1))
    for (const token of ['flip', 'term'] as const) {
      const values = journal.map((entry) => entry[token])
      expect(values).toEqual([...values].sort((a, b) => a - b))
    }
    await gray.close()
  })

  it.each([3, 700])(
    'brings over %i rows that the host wrote while the store was filled',
    async (count) => {
      const profile = createProfile()
      await useLegacy(profile)
      const { legacy, refactored } = profile.engines
      const table = legacy.disk.rows.get('cards')
      for (let n = 0; n < count; n++) table?.set(`host-${n}`, { id: `host-${n}`, text: 'before' })
      const store = refactored.store as NonNullable<typeof refactored.store>
      const { hydrate } = store
      let isFilled = false
      store.hydrate = async (name, rows) => {
        await hydrate(name, rows)
        if (isFilled || rows.length === 200) return
        isFilled = true
        for (let n = 0; n < count; n++) table?.set(`host-${n}`, { id: `host-${n}`, text: 'after' })
      }
      const { gray, finished } = await profile.open({ version: 2 })
      expect(await gray.start()).toMatchObject({ running: 'refactored' })
      expect(finished).toMatchObject([{ outcome: 'committed' }])
      expect(rowsOf(refactored)).toEqual(rowsOf(legacy))
      expect(rowsOf(refactored)['host-2']).toMatchObject({ text: 'after' })
      await gray.close()
    },
  )

  it.each(['was left there by an earlier attempt', 'was deleted while it was filled'])(
    'leaves no row in the target that %s',
    async (which) => {
      const profile = createProfile()
      await useLegacy(profile)
      const { legacy, refactored } = profile.engines
      const ghost = { id: 'ghost', text: 'of another time' }
      const isOld = which.includes('earlier')
      const { disk, store } = isOld ? refactored : legacy
      await store?.hydrate('cards', [ghost])
      expect(disk.rows.get('cards')?.has('ghost')).toBe(true)
      const { hydrate } = refactored.store ?? {}
      if (!hydrate) throw new Error('no store')
      Object.assign(refactored.store ?? {}, {
        hydrate: async (...filled: Parameters<typeof hydrate>) => {
          await hydrate(...filled)
          legacy.disk.rows.get('cards')?.delete('ghost')
        },
      })
      const { gray, finished } = await profile.open({ version: 2 })
      expect(await gray.start()).toMatchObject({ running: 'refactored' })
      expect(finished).toMatchObject([{ outcome: 'committed' }])
      expect(rowsOf(refactored)).toEqual(rowsOf(legacy))
      expect(rowsOf(refactored)).not.toHaveProperty('ghost')
      await gray.close()
    },
  )

  it('does not touch what another user queued', async () => {
    const profile = createProfile()
    const ann = await profile.open(
      { version: 1, stages: [{ name: 'all', share: 0 }] },
      { subject: { id: 'ann' } },
    )
    await ann.gray.start()
    const { opId } = await ann.gray.enqueue(put('a', 'of ann'))
    await expect.poll(() => profile.engines.legacy.disk.queue.length).toBe(1)
    for (const row of profile.engines.legacy.disk.queue) row.userId = 'ann'
    await ann.gray.close()
    const ben = await profile.open({ version: 2 }, { subject: { id: 'ben' } })
    expect(await ben.gray.start()).toMatchObject({ running: 'refactored' })
    expect(profile.engines.refactored.disk.queue).toEqual([])
    await ben.gray.identify({ id: 'ann' })
    expect(profile.engines.refactored.disk.queue.map((row) => row.opId)).toEqual([opId])
    await ben.gray.close()
  })
})

describe('a handover that fails', () => {
  const failures: [string, (engines: Profile['engines']) => void, string][] = [
    [
      'the target can not be filled',
      ({ refactored }) => {
        if (refactored.store) refactored.store.hydrate = () => Promise.reject(new Error('broken'))
      },
      'ABORTED',
    ],
    [
      'the target loses a row',
      ({ refactored }) => {
        const { store } = refactored
        if (!store) return
        const { hydrate } = store
        store.hydrate = (table, rows) => hydrate(table, rows.slice(1))
      },
      'HANDOVER_VERIFY',
    ],
    [
      'the target loses an operation',
      ({ refactored }) => {
        const importer = refactored.queue?.importer
        if (!importer) return
        const { stage } = importer
        importer.stage = (ops, handover) => stage(ops.slice(1), handover)
      },
      'HANDOVER_VERIFY',
    ],
    [
      'the queue can not be read',
      ({ legacy }) => {
        const exporter = legacy.queue?.exporter
        if (exporter) exporter.read = () => Promise.reject(new Error('unreadable'))
      },
      'ABORTED',
    ],
  ]

  it.each(failures)('leaves everything where it was when %s', async (_, breakIt, because) => {
    const profile = createProfile()
    await useLegacy(profile)
    const [rows, queue] = [rowsOf(profile.engines.legacy), [...profile.engines.legacy.disk.queue]]
    breakIt(profile.engines)
    const { gray, finished } = await profile.open({ version: 2 })
    expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: because } })
    expect(finished).toMatchObject([{ outcome: 'aborted', because }])
    expect(rowsOf(profile.engines.legacy)).toEqual(rows)
    expect(profile.engines.legacy.disk.queue).toEqual(queue)
    expect(profile.engines.refactored.disk.queue).toEqual([])
    expect(profile.engines.refactored.starts).toHaveLength(0)
    await gray.close()
  })

  it('that fails is tried again after an hour, a day and a week, and then for another rollout only', async () => {
    const profile = createProfile()
    await useLegacy(profile)
    if (profile.engines.refactored.store) {
      profile.engines.refactored.store.clear = () => Promise.reject(new Error('broken'))
    }
    /** How many handovers a start tried, and the hours that the next one has to wait. */
    const tryOnce = async (version = 2) => {
      const { gray, tab, finished } = await profile.open({ version })
      await gray.start()
      const control = connectControl(tab)
      const kept = await readFact<{ coolMs: number }>(control, 'attempts')
      control.close()
      await gray.close()
      return { tried: finished.length, hours: (kept?.coolMs ?? 0) / 3_600_000 }
    }
    /** A page that stays open until what is left of the wait, a minute, is over. */
    const coolOff = async () => {
      const { gray, tab } = await profile.open({ version: 2 })
      const control = connectControl(tab)
      await changeFact<object>(control, 'attempts', (kept) => ({ ...kept, coolMs: 60_000 }))
      control.close()
      await gray.start()
      await vi.dynamicImportSettled()
      await rest()
      for (let step = 0; step < 3; step++) {
        profile.world.advance(60_000)
        await rest()
      }
      await gray.close()
    }
    for (const hours of [1, 24, 168]) {
      expect(await tryOnce()).toEqual({ tried: 1, hours })
      // What the clock of the device says while no page runs does not count.
      profile.world.advance(30 * 86_400_000)
      expect(await tryOnce()).toEqual({ tried: 0, hours })
      await coolOff()
    }
    expect(await tryOnce()).toEqual({ tried: 1, hours: 0 })
    const { gray } = await profile.open({ version: 2 })
    expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: 'HALTED' } })
    await gray.close()
    expect((await tryOnce(3)).tried).toBe(1)
  })

  it.each([
    ['forth', 4, { version: 2 }],
    ['back', 3, { version: 3, kill: true }],
  ])(
    'whose page is closed in it is tried again, on the way %s %i times at once, then after an hour, a day, and a week each time',
    async (way, most, change) => {
      const profile = createProfile()
      await useLegacy(profile)
      const { legacy, refactored } = profile.engines
      if (way === 'back') {
        const there = await profile.open({ version: 2 })
        expect(await there.gray.start()).toMatchObject({ running: 'refactored' })
        await there.gray.close()
      }
      const [from, to] = way === 'back' ? [refactored, legacy] : [legacy, refactored]
      /** A page that is closed while the target is filled, or that did not begin. */
      const cutOff = async () => {
        const { gray, tab } = await profile.open(change)
        const begun = new Promise<void>((resolve) => {
          const restore = replace(to.store, 'clear', () => {
            restore()
            resolve()
            return new Promise<never>(() => undefined)
          })
        })
        const isBegun = await Promise.race([begun.then(() => true), gray.start().then(() => false)])
        const control = connectControl(profile.world.tab())
        const kept = await readFact<{ coolMs: number }>(control, 'attempts')
        // As keeping house counts down in pages that stay open.
        await changeFact<object>(control, 'attempts', (fact) => ({ ...fact, coolMs: 0 }))
        control.close()
        tab.kill()
        return isBegun && (kept?.coolMs ?? 0) / 3_600_000
      }
      for (let n = 0; n < most; n++) expect(await cutOff()).toBe(0)
      for (const hours of [1, 24, 168, 168]) expect(await cutOff()).toBe(hours)
      const { gray } = await profile.open(change)
      expect(await gray.start()).toMatchObject({ running: to === legacy ? 'legacy' : 'refactored' })
      expect(from.disk.queue).toEqual([])
      await gray.close()
    },
  )

  it('whose page dies in it again and again waits, at the next start', async () => {
    const profile = createProfile()
    await useLegacy(profile)
    const { store } = profile.engines.refactored
    for (let n = 0; n < 5; n++) {
      const { gray, tab } = await profile.open({ version: 2 })
      await new Promise<void>((resolve) => {
        const restore = replace(store, 'clear', () => {
          restore()
          resolve()
          return new Promise<never>(() => undefined)
        })
        void gray.start()
      })
      tab.kill()
    }
    const { gray } = await profile.open({ version: 2 })
    expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: 'HALTED' } })
    await gray.close()
  })

  it('does not begin where an engine can not export', async () => {
    const profile = createProfile()
    await useLegacy(profile)
    delete profile.engines.legacy.queue
    const { gray, finished } = await profile.open({ version: 2 })
    const snapshot = await gray.start()
    expect(snapshot).toMatchObject({ running: 'legacy' })
    expect(snapshot).toHaveProperty('blocked', { by: 'NO_QUEUE', fix: expect.any(String) })
    expect(finished).toEqual([])
    await gray.close()
  })
})

describe('a tab that dies in a handover', () => {
  /** Each place is a call of an adapter that never returns, as far as the dying tab is concerned. */
  const places: [string, (engines: Profile['engines'], die: () => Promise<never>) => () => void][] =
    [
      ['while hydrating', ({ refactored }, die) => replace(refactored.store, 'hydrate', die)],
      [
        'while reading the queue inside the fence',
        ({ legacy }, die) => replace(legacy.queue?.exporter, 'read', die),
      ],
      ['while staging', ({ refactored }, die) => replace(refactored.queue?.importer, 'stage', die)],
      [
        'after the commit, before the target is activated',
        ({ refactored }, die) => replace(refactored.queue?.importer, 'activate', die),
      ],
      [
        'after the target is activated, before the source is sealed',
        ({ legacy }, die) => replace(legacy.queue?.exporter, 'seal', die),
      ],
    ]

  async function die(
    profile: Profile,
    arm: (typeof places)[number][1],
    change: Partial<Rollout> = { version: 2 },
  ): Promise<void> {
    const dying = await profile.open(change)
    const died = new Promise<void>((resolve) => {
      const disarm = arm(profile.engines, () => {
        disarm()
        dying.tab.kill()
        resolve()
        return new Promise<never>(() => undefined)
      })
    })
    void dying.gray.start()
    await died
  }

  it.each(places)('is survived: %s', async (_, arm) => {
    const profile = createProfile()
    const opIds = await useLegacy(profile)
    const rows = rowsOf(profile.engines.legacy)
    await die(profile, arm)
    const { gray } = await profile.open({ version: 2 })
    expect(await gray.start()).toMatchObject({ phase: 'running', running: 'refactored' })
    expect(rowsOf(profile.engines.refactored)).toEqual(rows)
    expect(profile.engines.refactored.disk.queue.map((row) => row.opId)).toEqual(opIds)
    expect(profile.engines.legacy.disk.queue).toEqual([])
    await gray.close()
  })

  it.each(places.slice(0, 3))(
    'keeps no later build that has no refactored engine from legacy: %s',
    async (_, arm) => {
      const profile = createProfile()
      const opIds = await useLegacy(profile)
      await die(profile, arm)
      const { legacy } = profile.engines
      const { gray } = await profile.open({ version: 2 }, { engines: { legacy } })
      expect(await gray.start()).toMatchObject({ phase: 'running', running: 'legacy' })
      opIds.push((await gray.enqueue(put('later', 'of the user'))).opId)
      await expect.poll(() => legacy.disk.queue.map((row) => row.opId)).toEqual(opIds)
      await gray.close()
    },
  )

  it('after the commit leaves what is moved to builds that have its engine', async () => {
    const profile = createProfile()
    const opIds = await useLegacy(profile)
    await die(profile, places[3]?.[1] ?? (() => () => {}))
    const { legacy, refactored } = profile.engines
    const { gray: without } = await profile.open({ version: 2 }, { engines: { legacy } })
    expect(await without.start()).toMatchObject({ running: null, blocked: { by: 'ENGINE_LOAD' } })
    opIds.push((await without.enqueue(put('later', 'of the user'))).opId)
    await without.close()
    const { gray } = await profile.open({ version: 2 })
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    await expect.poll(() => refactored.disk.queue.map((row) => row.opId)).toEqual(opIds)
    await gray.close()
  })

  it('after the commit of a way back keeps no build that has no refactored engine from legacy', async () => {
    const profile = createProfile()
    const opIds = await useLegacy(profile)
    const { legacy, refactored } = profile.engines
    const there = await profile.open({ version: 2 })
    expect(await there.gray.start()).toMatchObject({ running: 'refactored' })
    await there.gray.close()
    const kill = { version: 3, kill: true }
    await die(profile, (_, end) => replace(legacy.queue?.importer, 'activate', end), kill)
    const without = await profile.open(kill, { engines: { legacy } })
    expect(await without.gray.start()).toMatchObject({ running: 'legacy' })
    await expect.poll(() => legacy.disk.queue.map((row) => row.opId)).toEqual(opIds)
    legacy.acknowledge()
    await expect.poll(() => without.gray.openOperations()).toEqual([])
    await without.gray.close()
    // What it could not take out of the queue that was left is known to have been sent.
    const { gray } = await profile.open({ version: 4 })
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    expect(refactored.disk.queue).toEqual([])
    await gray.close()
  })
})

function replace<T extends object, K extends keyof T>(
  target: T | undefined,
  member: K,
  by: () => Promise<never>,
): () => void {
  if (!target) throw new Error(`there is no ${String(member)} to replace`)
  const original = target[member]
  target[member] = by as T[K]
  return () => {
    target[member] = original
  }
}
