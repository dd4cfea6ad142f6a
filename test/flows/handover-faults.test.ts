import { beforeAll, describe, expect, it, vi } from 'vitest'
import { createBackup, readManifests } from '../../src/engine/backup.js'
import { createCoordinator } from '../../src/engine/coordinator.js'
import { readJournal } from '../../src/engine/journal.js'
import { settle } from '../../src/engine/oplog.js'
import type { Control } from '../../src/model/engine.js'
import type { Events, GraySync } from '../../src/model/handle.js'
import { connectControl, openControl } from '../../src/store/control.js'
import type { FakeEngine, RowOperation, Tab } from '../../src/testing.js'
import { createFaultyFactory, type FaultyFactory } from '../support/faulty-indexeddb.js'
import { makeKeys, sign, type TestKeys } from '../support/rollout.js'
import { createProfile, type Profile, put, queued, rest } from '../support/session.js'
import { awaitSnapshot } from '../support/snapshot.js'

const NOBODY = [{ name: 'all', share: 0 }]

let keys: TestKeys
let rollouts: { none: string; all: string; kill: string }
beforeAll(async () => {
  keys = await makeKeys()
  const [none, all, kill] = await Promise.all([
    sign(keys, { version: 1, stages: NOBODY }),
    sign(keys, { version: 2 }),
    sign(keys, { version: 3, kill: true }),
  ])
  rollouts = { none, all, kill }
})

const openWith = (profile: Profile, bootstrap: string, tab?: Tab) =>
  profile.open({ rollout: { keys: [keys.public], bootstrap } }, tab)

/** A profile that used legacy: its operations are queued there. */
async function useLegacy(profile: Profile, ...entityIds: string[]): Promise<string[]> {
  const gray = openWith(profile, rollouts.none)
  await gray.start()
  const opIds: string[] = []
  for (const entityId of entityIds) opIds.push((await gray.enqueue(put(entityId))).opId)
  await expect.poll(() => queued(profile.engines.legacy)).toEqual(opIds)
  await gray.close()
  return opIds
}

/** The same with an operation that is queued already. */
async function useLegacyAfter(profile: Profile, own: string, entityId: string): Promise<string[]> {
  const gray = openWith(profile, rollouts.none)
  await gray.start()
  const { opId } = await gray.enqueue(put(entityId, 'behind'))
  await expect.poll(() => queued(profile.engines.legacy)).toEqual([own, opId])
  await gray.close()
  return [opId]
}

async function readControlOf(tab: Tab): Promise<Control> {
  const db = await openControl(tab)
  const control = (await db.get('control', 'control')) as Control
  db.close()
  return control
}

const importerOf = (engine: FakeEngine) => {
  if (!engine.queue?.importer) throw new Error('no importer')
  return engine.queue.importer
}
const exporterOf = (engine: FakeEngine) => {
  if (!engine.queue?.exporter) throw new Error('no exporter')
  return engine.queue.exporter
}

describe('a handover that could not be finished', () => {
  it('does not bring back at the next boot what was acknowledged meanwhile', async () => {
    const profile = createProfile()
    const [late, open] = await useLegacy(profile, 'a', 'b')
    const { refactored } = profile.engines
    const tab = profile.world.tab()
    const importer = importerOf(refactored)
    const { activate } = importer
    importer.activate = async () => {
      const log = connectControl(tab)
      await settle(log, String(late), { state: 'acked', by: 'legacy' })
      log.close()
      throw new Error('of the target')
    }
    const gray = openWith(profile, rollouts.all, tab)
    expect(await gray.start()).toMatchObject({ running: 'refactored', blocked: { by: 'ABORTED' } })
    await expect.poll(() => queued(refactored)).toEqual([open])
    await gray.close()
    importer.activate = activate
    const next = openWith(profile, rollouts.all)
    expect(await next.start()).toMatchObject({ running: 'refactored' })
    expect(await readControlOf(tab)).toMatchObject({ handover: null })
    await rest()
    expect(queued(refactored)).toEqual([open])
    await next.close()
  })
})

describe('a handover that failed', () => {
  it('leaves the tab with a term of its own, also where another tab became the writer meanwhile', async () => {
    const profile = createProfile()
    await useLegacy(profile, 'a')
    const { legacy, refactored } = profile.engines
    const tab = profile.world.tab()
    importerOf(refactored).stage = () => Promise.reject(new Error('of the target'))
    let another = 0
    importerOf(refactored).discard = async () => {
      const db = await openControl(tab)
      const control = (await db.get('control', 'control')) as Control
      another = control.term + 1
      await db.put('control', { ...control, term: another })
      db.close()
    }
    const gray = openWith(profile, rollouts.all, tab)
    expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: 'ABORTED' } })
    expect(another).toBeGreaterThan(0)
    expect(legacy.starts.at(-1)?.term).toBe(another + 1)
    await gray.close()
  })
})

describe('a page that dies as its handover is taken back', () => {
  it('leaves no backup behind', async () => {
    const profile = createProfile()
    await useLegacy(profile, 'a')
    const { legacy, refactored } = profile.engines
    legacy.disk.rows.set('cards', new Map([['a', { id: 'a' }]]))
    const [exporter, importer] = [exporterOf(legacy), importerOf(refactored)]
    const [{ read }, { discard }] = [exporter, importer]
    exporter.read = () => Promise.reject(new Error('unreadable'))
    const dying = profile.world.tab()
    const died = new Promise<void>((resolve) => {
      importer.discard = () => {
        dying.kill()
        resolve()
        return new Promise(() => undefined)
      }
    })
    void openWith(profile, rollouts.all, dying).start()
    await died
    exporter.read = read
    importer.discard = discard
    const tab = profile.world.tab()
    const gray = openWith(profile, rollouts.all, tab)
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    const db = await openControl(tab)
    const hids = new Set((await db.getAllKeys('backup')).map(([hid]) => hid))
    db.close()
    const control = connectControl(tab)
    expect([...hids]).toEqual((await readManifests(control)).map(({ hid }) => hid))
    control.close()
    await gray.close()
  })
})

describe('a page that stood still before it commits', () => {
  it('has committed with its backup, or not at all, where another tab takes it back in the same moment', async () => {
    const profile = createProfile()
    await useLegacy(profile, 'a')
    const tab = profile.world.tab()
    const control = connectControl(tab)
    const { claim, term } = await readControlOf(tab)
    const which = { id: 'h1', from: 'legacy', to: 'refactored', claim: claim + 1, term } as const
    const still = createCoordinator({ platform: tab, control, ...which, onStep() {} })
    const o = { platform: tab, control, hid: 'h1', userId: null, withRows: false, ...which }
    await still.prepare()
    await still.fence()
    await createBackup({ ...o, isMine: still.isMine }).seal([])
    await still.saved({})
    await still.imported({})
    const { delete: remove } = IDBObjectStore.prototype
    const woken = new Promise<unknown>((resolve) => {
      const spy = vi.spyOn(IDBObjectStore.prototype, 'delete').mockImplementation(function (
        this: IDBObjectStore,
        key,
      ) {
        spy.mockRestore()
        resolve(still.commit().catch(() => undefined))
        return remove.call(this, key)
      })
    })
    const gray = openWith(profile, rollouts.all)
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    await woken
    const { entries: journal } = await readJournal(control)
    const committed = journal.filter(({ kind }) => kind === 'handover.committed')
    const backups = (await readManifests(control)).map(({ hid }) => hid)
    expect(committed.map(({ handover }) => handover)).toEqual(backups)
    control.close()
    await gray.close()
  })
})

describe('a step of a handover whose answer was lost', () => {
  /** Loses the answer to the first step of this kind. */
  function loseAnswer(faulty: FaultyFactory, kind: string): () => void {
    const { add } = IDBObjectStore.prototype
    const spy = vi.spyOn(IDBObjectStore.prototype, 'add').mockImplementation(function (
      this: IDBObjectStore,
      value,
      key,
    ) {
      if (value.kind === kind) {
        faulty.isDeaf = true
        spy.mockRestore()
      }
      return add.call(this, value, key)
    })
    return () => spy.mockRestore()
  }

  it('back leaves neither a backup nor anything that was staged, and has failed', async () => {
    const faulty = createFaultyFactory()
    const profile = createProfile({ indexedDB: faulty.factory })
    await useLegacy(profile, 'a')
    const importer = importerOf(profile.engines.refactored)
    const { stage, discard } = importer
    importer.stage = async (ops, id) => (await stage(ops, id)).slice(1)
    const discarded: string[] = []
    importer.discard = async (id) => {
      discarded.push(id)
      await discard(id)
    }
    const tab = profile.world.tab()
    const gray = openWith(profile, rollouts.all, tab)
    const finished: Events['handoverFinished'][] = []
    gray.on('handoverFinished', (event) => finished.push(event))
    const end = loseAnswer(faulty, 'handover.aborted')
    const snapshot = await gray.start()
    end()
    expect(snapshot).toMatchObject({ running: 'legacy', blocked: { by: 'HANDOVER_VERIFY' } })
    expect(finished).toMatchObject([{ outcome: 'aborted', because: 'HANDOVER_VERIFY' }])
    expect(discarded).toEqual(finished.map(({ id }) => id))
    const db = await openControl(tab)
    expect(await db.count('backup')).toBe(0)
    db.close()
    await gray.close()
  })

  it.each(['preparing', 'fenced', 'saved', 'imported', 'committed', 'finished'])(
    'forth goes on: %s',
    async (kind) => {
      const faulty = createFaultyFactory()
      const profile = createProfile({ indexedDB: faulty.factory })
      const opIds = await useLegacy(profile, 'a', 'b')
      const gray = openWith(profile, rollouts.all)
      const errors: string[] = []
      gray.on('error', ({ code }) => errors.push(code))
      const end = loseAnswer(faulty, `handover.${kind}`)
      const snapshot = await gray.start()
      end()
      expect(snapshot).toMatchObject({ running: 'refactored' })
      expect(snapshot).not.toHaveProperty('blocked')
      expect(errors).toEqual([])
      expect(queued(profile.engines.refactored)).toEqual(opIds)
      await gray.close()
    },
  )
})

describe('the order within one thing', () => {
  it('is that of the queue, also for what the engine queued by itself', async () => {
    const profile = createProfile()
    const { legacy, refactored } = profile.engines
    const own = (opId: string) => ({
      opId,
      op: { ...put('a', opId), opId },
      userId: null,
      state: 'open' as const,
    })
    legacy.disk.queue.push(own('first'))
    const gray = openWith(profile, rollouts.none)
    await gray.start()
    const second = await gray.enqueue(put('a', 'second'))
    await expect.poll(() => queued(legacy)).toEqual(['first', second.opId])
    legacy.disk.queue.push(own('third'))
    await gray.close()
    const next = openWith(profile, rollouts.all)
    expect(await next.start()).toMatchObject({ running: 'refactored' })
    expect(queued(refactored)).toEqual(['first', second.opId, 'third'])
    await next.close()
  })

  it('is kept where the first was not taken yet and the next is written already', async () => {
    const profile = createProfile()
    const { legacy, refactored } = profile.engines
    const { start } = legacy
    legacy.start = async (ctx) => ({
      ...(await start(ctx)),
      push: () => Promise.reject(new Error('not now')),
    })
    const gray = openWith(profile, rollouts.none)
    await gray.start()
    const first = await gray.enqueue(put('a', 'first'))
    const second = await gray.enqueue(put('a', 'second'), { applied: true })
    const other = await gray.enqueue(put('b'), { applied: true })
    await rest()
    await gray.close()
    const next = openWith(profile, rollouts.all)
    await next.start()
    expect(queued(refactored)).toEqual([other.opId, first.opId, second.opId])
    await next.close()
  })

  it('is kept where a page that stood still wrote one into the queue that is returned to', async () => {
    const profile = createProfile()
    const { legacy, refactored } = profile.engines
    const opIds = await useLegacy(profile, 'a', 'a', 'a')
    const before = [...legacy.disk.queue]
    const forth = openWith(profile, rollouts.all)
    expect(await forth.start()).toMatchObject({ running: 'refactored' })
    expect(queued(refactored)).toEqual(opIds)
    await forth.close()
    legacy.disk.queue.push(...before.slice(1))
    const back = openWith(profile, rollouts.kill)
    expect(await back.start()).toMatchObject({ running: 'legacy' })
    expect(queued(legacy)).toEqual(opIds)
    await back.close()
  })

  it('is kept where the target does not know one of them, which comes back with the way back', async () => {
    const profile = createProfile()
    const { legacy, refactored } = profile.engines
    refactored.knows = (op) => op.kind !== 'paint'
    const gray = openWith(profile, rollouts.none)
    await gray.start()
    const { opId: unknown } = await gray.enqueue({ ...put('a'), kind: 'paint' })
    const { opId: behind } = await gray.enqueue(put('a'))
    const { opId: other } = await gray.enqueue(put('b'))
    await expect.poll(() => queued(legacy)).toHaveLength(3)
    await gray.close()
    const forth = openWith(profile, rollouts.all)
    expect(await forth.start()).toMatchObject({ running: 'refactored' })
    expect(queued(refactored)).toEqual([other])
    await forth.close()
    const back = openWith(profile, rollouts.kill)
    expect(await back.start()).toMatchObject({ running: 'legacy' })
    expect(queued(legacy).filter((opId) => opId !== other)).toEqual([unknown, behind])
    expect(queued(legacy)).toHaveLength(3)
    await back.close()
  })
})

describe('the order of what the engine queued by itself', () => {
  it('is kept where the target is handed it from the op-log, since it could not be activated', async () => {
    const profile = createProfile()
    const { legacy, refactored } = profile.engines
    legacy.disk.queue.push({ opId: 'own', op: put('a', 'own'), userId: null, state: 'open' })
    const [behind] = await useLegacyAfter(profile, 'own', 'a')
    importerOf(refactored).activate = () => Promise.reject(new Error('of the engine'))
    const gray = openWith(profile, rollouts.all)
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    await expect.poll(() => queued(refactored)).toEqual(['own', behind])
    await gray.close()
  })
})

describe('a page that froze while it finished a handover', () => {
  it('seals no queue that is in use again', async () => {
    const profile = createProfile()
    const { legacy, refactored } = profile.engines
    await useLegacy(profile, 'a')
    const importer = importerOf(refactored)
    const { activate } = importer
    const frozen = profile.world.tab()
    let thaw = () => {}
    await new Promise<void>((reached) => {
      importer.activate = async (id) => {
        importer.activate = activate
        await activate(id)
        reached()
        await new Promise<void>((go) => {
          thaw = go
        })
      }
      void openWith(profile, rollouts.all, frozen).start()
    })
    frozen.loseLocks({ unnoticed: true })
    const finishing = openWith(profile, rollouts.all)
    expect(await finishing.start()).toMatchObject({ running: 'refactored' })
    await finishing.close()
    const back = openWith(profile, rollouts.kill)
    expect(await back.start()).toMatchObject({ running: 'legacy' })
    const { opId } = await back.enqueue(put('b'))
    await expect.poll(() => queued(legacy)).toContain(opId)
    thaw()
    await rest()
    expect(queued(legacy)).toContain(opId)
    await back.close()
  })

  it('misses nothing of what was sent meanwhile', async () => {
    const profile = createProfile()
    const { refactored } = profile.engines
    await useLegacy(profile, 'a')
    const importer = importerOf(refactored)
    const exporter = exporterOf(refactored)
    const { activate } = importer
    const { read } = exporter
    const frozen = profile.world.tab()
    let thaw = () => {}
    const late = await new Promise<GraySync<RowOperation>>((reached) => {
      importer.activate = async (id) => {
        importer.activate = activate
        exporter.read = async () => {
          exporter.read = read
          reached(gray)
          await new Promise<void>((go) => {
            thaw = go
          })
          return read()
        }
        await activate(id)
      }
      const gray = openWith(profile, rollouts.all, frozen)
      void gray.start()
    })
    frozen.loseLocks({ unnoticed: true })
    const finishing = openWith(profile, rollouts.all)
    expect(await finishing.start()).toMatchObject({ running: 'refactored' })
    refactored.acknowledge()
    await expect.poll(() => queued(refactored)).toEqual([])
    thaw()
    await rest()
    expect(finishing.getSnapshot()).toMatchObject({ running: 'refactored', reload: 'none' })
    await Promise.all([late.close(), finishing.close()])
    const next = openWith(profile, rollouts.all)
    expect(await next.start()).toMatchObject({ running: 'refactored', phase: 'running' })
    await next.close()
  })
})

describe('a handover that is committed', () => {
  it('is not reported as taken back when the answer to its commit was lost', async () => {
    const faulty = createFaultyFactory()
    const profile = createProfile({ indexedDB: faulty.factory })
    const { legacy, refactored } = profile.engines
    const opIds = await useLegacy(profile, 'a', 'b')
    const { put: write } = IDBObjectStore.prototype
    let lost = false
    IDBObjectStore.prototype.put = function (value: Partial<Control>, key) {
      if (!lost && value.handover?.finishing) {
        lost = true
        faulty.isDeaf = true
        faulty.hangs = true
      }
      return write.call(this, value, key)
    }
    const finished: string[] = []
    const tab = profile.world.tab()
    const { setTimer } = tab
    // For as long as an opening is waited for: the commit itself is not tried again.
    tab.setTimer = (run, ms) => {
      if (!faulty.hangs || ms !== 2_000) return setTimer(run, ms)
      setImmediate(() => {
        faulty.hangs = false
        run()
      })
      return () => {}
    }
    const gray = openWith(profile, rollouts.all, tab)
    gray.on('handoverFinished', ({ outcome }) => finished.push(outcome))
    try {
      const snapshot = await gray.start()
      expect(lost).toBe(true)
      expect(snapshot).toMatchObject({ running: 'refactored' })
      expect(snapshot).not.toHaveProperty('blocked')
    } finally {
      IDBObjectStore.prototype.put = write
    }
    expect(finished).toEqual(['committed'])
    expect(queued(refactored)).toEqual(opIds)
    expect(queued(legacy)).toEqual([])
    expect((await readControlOf(tab)).handover).toBeNull()
    await gray.close()
  })

  it.each(['activate', 'seal'] as const)(
    'runs its engine although %s fails, says so, and is finished at the next start',
    async (member) => {
      const profile = createProfile()
      const { legacy, refactored } = profile.engines
      const opIds = await useLegacy(profile, 'a')
      const side = member === 'activate' ? importerOf(refactored) : exporterOf(legacy)
      const before = side[member as keyof typeof side]
      Object.assign(side, { [member]: () => Promise.reject(new Error('of the engine')) })
      const tab = profile.world.tab()
      const gray = openWith(profile, rollouts.all, tab)
      expect(await gray.start()).toMatchObject({
        phase: 'running',
        running: 'refactored',
        blocked: { by: 'ABORTED' },
      })
      expect(queued(refactored)).toEqual(opIds)
      await gray.close()
      Object.assign(side, { [member]: before })
      const next = openWith(profile, rollouts.all, tab)
      expect(await next.start()).not.toHaveProperty('blocked')
      expect(queued(refactored)).toEqual(opIds)
      expect(queued(legacy)).toEqual([])
      expect((await readControlOf(tab)).handover).toBeNull()
      await next.close()
    },
  )
})

describe('an engine that never answers', () => {
  const places: [string, (profile: Profile, hang: () => Promise<never>) => void][] = [
    [
      'while it is filled',
      ({ engines }, hang) => {
        if (engines.refactored.store) engines.refactored.store.hydrate = hang
      },
    ],
    [
      'when its queue is read inside the fence',
      ({ engines }, hang) => {
        exporterOf(engines.legacy).read = hang
      },
    ],
    [
      'when operations are staged',
      ({ engines }, hang) => {
        importerOf(engines.refactored).stage = hang
      },
    ],
  ]

  it.each(places)('%s costs half a minute, and the owner goes on', async (_, arm) => {
    const profile = createProfile()
    await useLegacy(profile, 'a')
    const gray = openWith(profile, rollouts.all)
    await new Promise<void>((reached) => {
      arm(profile, () => {
        reached()
        return new Promise<never>(() => {})
      })
      void gray.start()
    })
    await rest()
    profile.world.advance(30_000)
    expect(await awaitSnapshot(gray, ({ phase }) => phase === 'running')).toMatchObject({
      running: 'legacy',
      blocked: { by: 'ENGINE_TIMEOUT' },
    })
    await gray.close()
  })
})

describe('an engine whose queue can not say its size', () => {
  it('stays where it is and runs', async () => {
    const profile = createProfile()
    await useLegacy(profile)
    const { queue } = profile.engines.legacy
    if (!queue) throw new Error('no queue')
    profile.engines.legacy.queue = { size: () => Promise.reject(new Error('locked')) }
    const gray = openWith(profile, rollouts.all)
    expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: 'NO_QUEUE' } })
    await gray.close()
  })
})

describe('a full disk inside the fence', () => {
  it('leaves the owner, no part of a backup, and no profile without an owner', async () => {
    const faulty = createFaultyFactory()
    const profile = createProfile({ indexedDB: faulty.factory })
    const opIds = await useLegacy(profile, 'a')
    const { read } = exporterOf(profile.engines.legacy)
    exporterOf(profile.engines.legacy).read = async () => {
      faulty.full = true
      return read()
    }
    const tab = profile.world.tab()
    // Deleting makes room.
    const { delete: remove } = IDBObjectStore.prototype
    IDBObjectStore.prototype.delete = function (key) {
      faulty.full = false
      return remove.call(this, key)
    }
    try {
      const gray = openWith(profile, rollouts.all, tab)
      expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: 'QUOTA' } })
      expect(queued(profile.engines.legacy)).toEqual(opIds)
      await gray.close()
    } finally {
      IDBObjectStore.prototype.delete = remove
    }
    const db = await openControl(tab)
    expect(await db.count('backup')).toBe(0)
    db.close()
    expect(await readControlOf(tab)).toMatchObject({ owner: 'legacy', phase: 'stable' })
  })
})

describe('a handover that is taken back', () => {
  it('leaves no part of a backup', async () => {
    const profile = createProfile()
    await useLegacy(profile, 'a')
    importerOf(profile.engines.refactored).stage = () => Promise.reject(new Error('no'))
    const tab = profile.world.tab()
    const gray = openWith(profile, rollouts.all, tab)
    expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: 'ABORTED' } })
    await gray.close()
    const db = await openControl(tab)
    expect(await db.count('backup')).toBe(0)
    db.close()
  })
})

describe('a handover whose operations come back in another order', () => {
  it('is taken back, and leaves nothing staged', async () => {
    const profile = createProfile()
    const { legacy, refactored } = profile.engines
    const opIds = await useLegacy(profile, 'a', 'b')
    const importer = importerOf(refactored)
    const { stage } = importer
    importer.stage = async (...given) => (await stage(...given)).reverse()
    const gray = openWith(profile, rollouts.all)
    expect(await gray.start()).toMatchObject({ blocked: { by: 'HANDOVER_VERIFY' } })
    expect(refactored.disk.staged.size).toBe(0)
    expect(queued(legacy)).toEqual(opIds)
    await gray.close()
  })
})

describe('a browser without Web Locks', () => {
  it('hands nothing over: a profile that can not go back says so', async () => {
    const profile = createProfile()
    await useLegacy(profile, 'a')
    const forth = openWith(profile, rollouts.all)
    expect(await forth.start()).toMatchObject({ running: 'refactored' })
    await forth.close()
    const tab = profile.world.tab()
    tab.lock = null
    const gray = openWith(profile, rollouts.kill, tab)
    expect(await gray.start()).toMatchObject({
      running: 'refactored',
      blocked: { by: 'UNSUPPORTED' },
      decision: { reason: 'KILLED' },
    })
    expect((await readControlOf(tab)).handover).toBeNull()
    await gray.close()
  })
})

describe('a profile that held nothing when graysync first ran', () => {
  it('is handed over without a queue at the first boot only', async () => {
    const profile = createProfile({ pristine: true })
    delete profile.engines.legacy.queue
    const leading = profile.world.tab()
    const leader = openWith(profile, rollouts.none, leading)
    const tab = profile.world.tab()
    const { lock } = tab
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const follower = openWith(profile, rollouts.all, tab)
    let begun: Promise<unknown> = Promise.resolve()
    // Once it asks for the lease it has looked at the profile, which held nothing yet.
    await new Promise<void>((asked) => {
      tab.lock = async (name, o) => {
        asked()
        await gate
        return lock?.(name, o) ?? null
      }
      begun = follower.start()
    })
    await leader.start()
    go()
    await begun
    expect(follower.getSnapshot()).toMatchObject({ role: 'follower' })
    const { opId } = await leader.enqueue(put('a'))
    await expect.poll(() => queued(profile.engines.legacy)).toEqual([opId])
    leading.kill()
    expect(
      await awaitSnapshot(follower, (s) => s.phase === 'running' && s.role === 'writer'),
    ).toMatchObject({ running: 'legacy', blocked: { by: 'NO_QUEUE' } })
    await follower.close()
  })

  it('begins on refactored', async () => {
    const profile = createProfile({ pristine: true })
    delete profile.engines.legacy.queue
    const gray = openWith(profile, rollouts.all)
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    await gray.close()
  })
})

describe('the note of who owns a profile', () => {
  it('does not say legacy while a commit may have got through', async () => {
    const profile = createProfile()
    await useLegacy(profile, 'a')
    const dying = profile.world.tab()
    const { put: write } = IDBObjectStore.prototype
    await new Promise<void>((committing) => {
      IDBObjectStore.prototype.put = function (value: Partial<Control>, key) {
        if (value.handover?.finishing) {
          dying.kill()
          this.transaction.addEventListener('complete', () => committing())
        }
        return write.call(this, value, key)
      }
      void openWith(profile, rollouts.all, dying).start()
    })
    IDBObjectStore.prototype.put = write
    expect((await readControlOf(profile.world.tab())).owner).toBe('refactored')
    const tab = profile.world.tab()
    tab.indexedDB = null
    const gray = openWith(profile, rollouts.all, tab)
    expect(await gray.start()).toMatchObject({ running: null, blocked: { by: 'UNSUPPORTED' } })
    await gray.close()
  })
})
