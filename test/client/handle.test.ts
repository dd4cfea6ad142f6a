import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it, vi } from 'vitest'
import { READER } from '../../src/engine/control.js'
import { createGraySync } from '../../src/index.js'
import type { Control } from '../../src/model/engine.js'
import type { GraySync, GraySyncOptions } from '../../src/model/handle.js'
import type { Platform } from '../../src/model/platform.js'
import { openControl } from '../../src/store/control.js'
import {
  createFakeEngine,
  createTestClient,
  createWorld,
  type FakeEngine,
  type RowOperation,
  type World,
} from '../../src/testing.js'
import { rest } from '../support/session.js'
import { awaitSnapshot } from '../support/snapshot.js'

type Options = GraySyncOptions<RowOperation>

const APP = { name: 'test', version: '1' }

function createProfile(o: { locks?: boolean; subtle?: null; indexedDB?: null } = {}): World {
  return createWorld({ indexedDB: new IDBFactory(), ...o })
}

function createEngines(): { legacy: FakeEngine; refactored: FakeEngine } {
  return { legacy: createFakeEngine(['cards']), refactored: createFakeEngine(['cards'], '2') }
}

const put = (entityId: string, text: string): RowOperation => ({
  entity: 'cards',
  entityId,
  kind: 'put',
  row: { text },
})

describe('a handle without a rollout', () => {
  it('runs legacy on a fresh profile and says why', async () => {
    const engines = createEngines()
    const gray = createTestClient<RowOperation>({ app: APP, engines }, createProfile().tab())
    const snapshot = await gray.start()
    expect(snapshot).toMatchObject({ phase: 'running', running: 'legacy', role: 'writer' })
    expect(gray.decision?.reason).toBe('NO_ROLLOUT')
    expect(engines.legacy.starts).toHaveLength(1)
    expect(engines.refactored.starts).toHaveLength(0)
    await gray.close()
    expect(gray.getSnapshot().phase).toBe('closed')
  })

  it('starts once, however often it is asked', async () => {
    const engines = createEngines()
    const gray = createTestClient<RowOperation>({ app: APP, engines }, createProfile().tab())
    await Promise.all([gray.start(), gray.start()])
    await gray.start()
    expect(engines.legacy.starts).toHaveLength(1)
    await gray.close()
  })

  it('keeps the snapshot while nothing changes', async () => {
    const gray = createTestClient<RowOperation>({ app: APP }, createProfile().tab())
    await gray.start()
    expect(gray.getSnapshot()).toBe(gray.getSnapshot())
    await gray.close()
  })
})

describe('enqueue', () => {
  it('is durable, reaches the engine in order and settles at the acknowledgement', async () => {
    const engines = createEngines()
    const gray = createTestClient<RowOperation>({ app: APP, engines }, createProfile().tab())
    await gray.start()
    const first = await gray.enqueue(put('a', 'one'))
    const second = await gray.enqueue(put('a', 'two'))
    expect(first.durable).toBe(true)
    await expect
      .poll(() => engines.legacy.disk.queue.map((row) => row.opId))
      .toEqual([first.opId, second.opId])
    expect(engines.legacy.disk.rows.get('cards')?.get('a')).toEqual({ id: 'a', text: 'two' })
    engines.legacy.acknowledge()
    expect(await first.settled).toMatchObject({ status: 'acked', by: 'legacy' })
    expect(await second.settled).toMatchObject({ status: 'acked', by: 'legacy' })
    expect(await gray.openOperations()).toEqual([])
    await gray.close()
  })

  it('takes an operation before the start and hands it over at the start', async () => {
    const engines = createEngines()
    const gray = createTestClient<RowOperation>({ app: APP, engines }, createProfile().tab())
    const { opId } = await gray.enqueue(put('a', 'early'))
    await gray.start()
    expect(engines.legacy.disk.queue.map((row) => row.opId)).toEqual([opId])
    await gray.close()
  })

  it('hands an operation with the same id over once', async () => {
    const engines = createEngines()
    const gray = createTestClient<RowOperation>({ app: APP, engines }, createProfile().tab())
    await gray.start()
    const twice = { ...put('a', 'one'), opId: 'same' }
    await Promise.all([gray.enqueue(twice), gray.enqueue(twice)])
    await expect.poll(() => engines.legacy.disk.seq).toBe(1)
    expect(await gray.openOperations()).toHaveLength(1)
    await gray.close()
  })

  it('rejects when the engine takes no operations', async () => {
    const legacy = { version: '1', start: () => undefined }
    const gray = createTestClient<RowOperation>(
      { app: APP, engines: { legacy } },
      createProfile().tab(),
    )
    await gray.start()
    await expect(gray.enqueue(put('a', 'one'))).rejects.toMatchObject({ code: 'NO_QUEUE' })
    await gray.close()
  })

  it.each([
    [{ entity: '', entityId: 'a', kind: 'put' }, 'operation.entity'],
    [{ entity: 'cards', entityId: 7, kind: 'put' }, 'operation.entityId'],
    [{ entity: 'cards', entityId: 'a' }, 'operation.kind'],
    [{ entity: 'cards', entityId: 'a', kind: 'put', opId: '' }, 'operation.opId'],
    [null, 'operation'],
  ])('refuses %j and names %s', async (op, field) => {
    const gray = createTestClient<RowOperation>({ app: APP }, createProfile().tab())
    await expect(gray.enqueue(op as RowOperation)).rejects.toMatchObject({
      code: 'OPTION',
      message: expect.stringContaining(`${field}:`),
    })
    await gray.close()
  })

  it('goes on with what a killed tab left', async () => {
    const world = createProfile()
    const engines = createEngines()
    const options: Options = { app: APP, engines }
    const dying = world.tab()
    const before = createTestClient(options, dying)
    const { opId } = await before.enqueue(put('a', 'kept'))
    dying.kill()
    const after = createTestClient(options, world.tab())
    await after.start()
    expect(engines.legacy.disk.queue.map((row) => row.opId)).toEqual([opId])
    await after.close()
  })

  it('does not send what another user queued', async () => {
    const world = createProfile()
    const engines = createEngines()
    const first = createTestClient({ app: APP, engines, subject: { id: 'ann' } }, world.tab())
    await first.enqueue(put('a', 'of ann'))
    await first.close()
    const second = createTestClient({ app: APP, engines, subject: { id: 'ben' } }, world.tab())
    await second.start()
    await second.enqueue(put('b', 'of ben'))
    await expect.poll(() => engines.legacy.disk.queue.map((row) => row.op.entityId)).toEqual(['b'])
    await second.identify({ id: 'ann' })
    expect(engines.legacy.disk.queue.map((row) => row.op.entityId)).toEqual(['b', 'a'])
    await second.close()
  })
})

describe('two tabs', () => {
  it('have one engine, and the follower takes over when the leader dies', async () => {
    const world = createProfile()
    const engines = createEngines()
    const options: Options = { app: APP, engines }
    const [one, two] = [world.tab(), world.tab()]
    const leader = createTestClient(options, one)
    const follower = createTestClient(options, two)
    await leader.start()
    expect(await follower.start()).toMatchObject({ running: 'legacy', role: 'follower' })
    expect(engines.legacy.starts).toHaveLength(1)
    const { opId, settled } = await follower.enqueue(put('a', 'from the follower'))
    await expect.poll(() => engines.legacy.disk.queue.map((row) => row.opId)).toEqual([opId])
    engines.legacy.acknowledge()
    expect(await settled).toMatchObject({ status: 'acked', by: 'legacy' })
    one.kill()
    await awaitSnapshot(follower, (s) => s.phase === 'running' && s.role === 'writer')
    expect(engines.legacy.starts).toHaveLength(2)
    expect(engines.legacy.starts[1]?.term).toBeGreaterThan(engines.legacy.starts[0]?.term ?? 0)
    await follower.close()
  })

  it('without Web Locks let only the newest send, and the older one says so', async () => {
    const world = createProfile({ locks: false })
    const engines = createEngines()
    const [older, newer] = [1, 2].map(() =>
      createTestClient<RowOperation>({ app: APP, engines }, world.tab()),
    ) as [GraySync<RowOperation>, GraySync<RowOperation>]
    await older.start()
    const stale = engines.legacy.starts[0]
    await newer.start()
    await expect(stale?.fetch('https://example.test/', { method: 'POST' })).rejects.toMatchObject({
      code: 'FENCED',
    })
    expect(await awaitSnapshot(older, (snapshot) => snapshot.running === null)).toMatchObject({
      blocked: { by: 'FENCED' },
    })
    expect(newer.getSnapshot()).toMatchObject({ running: 'legacy' })
    await older.close()
    await newer.close()
  })

  it('refuse the sends of a tab whose term is over', async () => {
    const world = createProfile()
    const engines = createEngines()
    const options: Options = { app: APP, engines }
    const one = world.tab()
    const old = createTestClient(options, one)
    await old.start()
    const stale = engines.legacy.starts[0]
    one.kill()
    const next = createTestClient(options, world.tab())
    await next.start()
    await expect(stale?.fetch('https://example.test/', { method: 'POST' })).rejects.toMatchObject({
      code: 'FENCED',
    })
    await next.close()
  })
})

describe('a profile that a newer build has used', () => {
  it('is not acted on: operations are kept, nothing is sent, and an update is asked for', async () => {
    const world = createProfile()
    const engines = createEngines()
    const first = createTestClient<RowOperation>({ app: APP, engines }, world.tab())
    await first.start()
    await first.close()
    const db = await openControl(world.tab())
    const control = await db.get('control', 'control')
    await db.put('control', { ...(control as Control), minReader: READER + 1 })
    db.close()
    const gray = createTestClient<RowOperation>({ app: APP, engines }, world.tab())
    const codes: string[] = []
    gray.on('error', (error) => codes.push(error.code))
    expect(await gray.start()).toMatchObject({
      running: null,
      reload: 'required',
      blocked: { by: 'NEWER_STATE' },
    })
    expect(codes).toContain('NEWER_STATE')
    expect(await gray.enqueue(put('a', 'kept'))).toMatchObject({ durable: true })
    expect(await gray.openOperations()).toHaveLength(1)
    expect(engines.legacy.starts).toHaveLength(1)
    await gray.close()
  })
})

describe('a profile that a newer build uses while this one stands in line', () => {
  it('is not acted on either: operations are kept, and an update is asked for', async () => {
    const world = createProfile()
    const engines = createEngines()
    const first = createTestClient<RowOperation>({ app: APP, engines }, world.tab())
    await first.start()
    const second = createTestClient<RowOperation>({ app: APP, engines }, world.tab())
    await second.start()
    const db = await openControl(world.tab())
    const control = await db.get('control', 'control')
    await db.put('control', { ...(control as Control), minReader: READER + 1 })
    db.close()
    await first.close()
    const shown = await awaitSnapshot(second, ({ running }) => running === null)
    expect(shown).toMatchObject({
      phase: 'running',
      role: 'follower',
      reload: 'required',
      blocked: { by: 'NEWER_STATE' },
    })
    expect(await second.enqueue(put('a', 'kept'))).toMatchObject({ durable: true })
    expect(engines.legacy.starts).toHaveLength(1)
    await second.close()
  })
})

describe('a profile that a newer build uses while a tab of this one follows it', () => {
  it('has an update asked for there once, and operations kept', async () => {
    const world = createProfile()
    const engines = createEngines()
    const newer = world.tab()
    const first = createTestClient<RowOperation>({ app: APP, engines }, newer)
    await first.start()
    const second = createTestClient<RowOperation>({ app: APP, engines }, world.tab())
    await second.start()
    const codes: string[] = []
    second.on('error', ({ code }) => codes.push(code))
    const db = await openControl(newer)
    const control = await db.get('control', 'control')
    await db.put('control', { ...(control as Control), minReader: READER + 1 })
    db.close()
    const channel = newer.channel?.('graysync', () => {})
    channel?.post({ kind: 'control' })
    expect(await awaitSnapshot(second, ({ running }) => running === null)).toMatchObject({
      role: 'follower',
      reload: 'required',
      blocked: { by: 'NEWER_STATE' },
    })
    channel?.post({ kind: 'control' })
    expect(await second.enqueue(put('a', 'kept'))).toMatchObject({ durable: true })
    expect(codes).toEqual(['NEWER_STATE'])
    await second.close()
    await first.close()
  })
})

describe('a poor browser', () => {
  it('runs legacy without IndexedDB, says so, and takes operations in memory', async () => {
    const engines = createEngines()
    const gray = createTestClient<RowOperation>(
      { app: APP, engines },
      createProfile({ indexedDB: null }).tab(),
    )
    expect(await gray.start()).toMatchObject({
      running: 'legacy',
      blocked: { by: 'UNSUPPORTED' },
    })
    const accepted = await gray.enqueue(put('a', 'one'))
    expect(accepted.durable).toBe(false)
    engines.legacy.acknowledge()
    expect(await accepted.settled).toMatchObject({ status: 'acked' })
    await gray.close()
  })

  it('does not run legacy on a profile that was moved when the databases can not be read', async () => {
    const world = createProfile({ indexedDB: null })
    world.notes.set('graysync:owner', 'refactored')
    const engines = createEngines()
    const gray = createTestClient<RowOperation>({ app: APP, engines }, world.tab())
    expect(await gray.start()).toMatchObject({ running: null, blocked: { by: 'UNSUPPORTED' } })
    expect(engines.legacy.starts).toHaveLength(0)
    await gray.close()
  })

  it('runs legacy without Web Locks', async () => {
    const engines = createEngines()
    const gray = createTestClient<RowOperation>(
      { app: APP, engines },
      createProfile({ locks: false }).tab(),
    )
    expect(await gray.start()).toMatchObject({ running: 'legacy' })
    await gray.close()
  })

  it.each([
    ['without IndexedDB', null],
    ['with IndexedDB', undefined],
  ] as const)('%s runs legacy where Web Locks refuse their use', async (_, indexedDB) => {
    const refuse = () => Promise.reject(new DOMException('denied in this context', 'SecurityError'))
    const engines = createEngines()
    const tab = createProfile(indexedDB === null ? { indexedDB } : {}).tab()
    const gray = createTestClient<RowOperation>(
      { app: APP, engines },
      { ...tab, lock: refuse, locks: refuse },
    )
    expect(await gray.start()).toMatchObject({ phase: 'running', running: 'legacy' })
    const { opId } = await gray.enqueue(put('a', 'one'))
    await expect.poll(() => engines.legacy.disk.queue.map((one) => one.opId)).toEqual([opId])
    await gray.close()
  })

  it.each<[string, Partial<Platform>]>([
    ['a question about Web Locks is never answered', { locks: () => new Promise(() => undefined) }],
    [
      'the browser never tells at the first start which databases it has',
      { pristine: () => new Promise(() => undefined) },
    ],
  ])('runs legacy and takes operations where %s', async (_, silent) => {
    const engines = createEngines()
    const world = createProfile()
    const gray = createTestClient<RowOperation>(
      { app: APP, engines },
      { ...world.tab(), ...silent },
    )
    const starting = gray.start()
    const accepting = gray.enqueue(put('a', 'one'))
    await rest()
    world.advance(2_000)
    expect(await starting).toMatchObject({ phase: 'running', running: 'legacy' })
    expect(await accepting).toMatchObject({ durable: true })
    await gray.close()
  })

  it('throws nothing at the host where the mere mention of service workers throws', () => {
    vi.stubGlobal('document', new EventTarget())
    vi.stubGlobal('navigator', {
      get serviceWorker() {
        throw new DOMException('the context is sandboxed', 'SecurityError')
      },
    })
    expect(() => createGraySync({ app: APP })).not.toThrow()
    vi.unstubAllGlobals()
  })

  it('says which engine can not be loaded', async () => {
    const legacy = {
      version: '1',
      start: () =>
        Promise.reject(new TypeError('Failed to fetch dynamically imported module: /x.js')),
    }
    const gray = createTestClient<RowOperation>(
      { app: APP, engines: { legacy } },
      createProfile().tab(),
    )
    expect(await gray.start()).toMatchObject({ running: null, blocked: { by: 'ENGINE_LOAD' } })
    await gray.close()
  })
})

describe('on a server', () => {
  it('the handle is inert', async () => {
    const { createGraySync } = await import('../../src/index.js')
    const gray = createGraySync({ app: APP })
    expect(await gray.start()).toMatchObject({ phase: 'idle', running: null })
    await expect(gray.enqueue(put('a', 'one'))).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })
})
