import { randomUUID } from 'node:crypto'
import { Dexie } from 'dexie'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { QUEUE_KEY } from '../src/engines/legacy/queue.js'
import {
  type Backend,
  createBackend,
  createBoundedStorage,
  createHangingWire,
  createStorage,
  deleteCard,
  makeCard,
  offline,
  putCard,
} from './support/backend.js'
import { rigLegacy } from './support/rig.js'

const DAY_MS = 86_400_000

/** An embedded PostgreSQL takes its time to start on a busy machine. */
const PATIENCE_MS = 60_000

let backend: Backend
beforeAll(async () => {
  backend = await createBackend()
}, PATIENCE_MS)
afterAll(() => backend.close())
afterEach(() => void vi.useRealTimers())

/** Too large for a queue in localStorage. */
const LARGE = 'x'.repeat(9_000)

const userOf = (rig: { session: { user: string | null } }) => rig.session.user ?? ''
const titles = (rows: readonly Record<string, unknown>[]) =>
  rows.map((row) => (row.front_content as { title: string }).title)

describe('the legacy engine', () => {
  it('applies an operation to its own store at once and to the server soon after', async () => {
    const rig = rigLegacy({ backend })
    const { running, settle, stop } = await rig.start()
    const op = putCard('card-1', '光合作用')
    await running.push(op)
    expect((await rig.db.cards.get('card-1'))?.frontContent).toMatchObject({ title: '光合作用' })
    await settle()
    expect(rig.acked).toEqual([op.opId])
    expect(titles(await backend.rows(userOf(rig), 'cards'))).toEqual(['光合作用'])
    expect(rig.storage.getItem(QUEUE_KEY)).toBe('[]')
    await stop()
  })

  it('takes a repeated push for the same operation', async () => {
    const rig = rigLegacy({ backend })
    const { running, settle, stop } = await rig.start()
    const first = putCard('card-1', 'one')
    await running.push(first)
    await running.push(putCard('card-1', 'two'))
    await running.push(first)
    await settle()
    await running.push(first)
    await settle()
    const [row] = await backend.rows(userOf(rig), 'cards')
    expect(row).toMatchObject({ front_content: { title: 'two' }, sync_version: 2 })
    expect((await rig.db.cards.get('card-1'))?.frontContent).toMatchObject({ title: 'two' })
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 0, seq: 2 })
    await stop()
  })

  it('sends an operation again after a lost answer without a second effect', async () => {
    const rig = rigLegacy({ backend })
    let lose = true
    const flaky: typeof fetch = async (input, init) => {
      const response = await backend.fetch(input, init)
      const method = input instanceof Request ? input.method : init?.method
      if (method !== 'POST' || !lose) return response
      lose = false
      throw new TypeError('connection lost')
    }
    const first = await rig.start({ fetch: flaky })
    await first.running.push(putCard('card-1', 'once'))
    await first.settle()
    expect(rig.acked).toEqual([])
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 1 })
    await first.stop()
    const second = await rig.start({ term: 2 })
    await second.settle()
    expect(rig.acked).toHaveLength(1)
    const [row] = await backend.rows(userOf(rig), 'cards')
    expect(row).toMatchObject({ sync_version: 1 })
    await second.stop()
  })

  it('deletes softly upstream and for good here', async () => {
    const rig = rigLegacy({ backend })
    const { running, settle, stop } = await rig.start()
    await running.push(putCard('card-1', 'gone'))
    await running.push(deleteCard('card-1'))
    await settle()
    expect(await rig.db.cards.count()).toBe(0)
    expect(await backend.rows(userOf(rig), 'cards')).toMatchObject([{ is_deleted: true }])
    await stop()
  })

  it('keeps the quirks: pending for ever, no version of its own, no user on pulled rows', async () => {
    const rig = rigLegacy({ backend })
    const user = userOf(rig)
    await backend.writeElsewhere(user, {
      entity: 'cards',
      entityId: 'far',
      kind: 'put',
      cloud: { front_content: { title: 'far', lastModified: '2025-01-01T00:00:00.000Z' } },
    })
    const { running, settle, stop } = await rig.start()
    await running.push(putCard('near', 'one', { userId: user }))
    await running.push(putCard('near', 'two', { userId: user }))
    await settle()
    expect(await rig.db.cards.get('near')).toMatchObject({ pendingSync: true, syncVersion: 1 })
    const far = await rig.db.cards.get('far')
    expect(far).not.toHaveProperty('userId')
    expect(far).toMatchObject({
      isFlipped: false,
      pendingSync: false,
      frontContent: { lastModified: '2025-01-01T00:00:00.000Z' },
    })
    expect(far?.updatedAt).toBeInstanceOf(Date)
    expect(Object.hasOwn(far ?? {}, 'folderId')).toBe(true)
    expect(far?.folderId).toBeUndefined()
    await stop()
  })

  it('takes the newer write of two, and leaves rows with pending work alone', async () => {
    const rig = rigLegacy({ backend })
    const user = userOf(rig)
    const put = (id: string, title: string) =>
      backend.writeElsewhere(user, {
        entity: 'cards',
        entityId: id,
        kind: 'put',
        cloud: { front_content: { title }, updated_at: '2026-01-01T00:00:00.000Z' },
      })
    await put('older', 'cloud')
    await put('newer', 'cloud')
    await put('pending', 'cloud')
    await put('deleted', 'cloud')
    await rig.engine.store?.hydrate('cards', [
      putCard('older', 'here', { updatedAt: '2025-12-31T00:00:00.000Z' }).row,
      putCard('newer', 'here', { updatedAt: '2026-01-02T00:00:00.000Z' }).row,
      putCard('deleted', 'here', { updatedAt: '2026-01-02T00:00:00.000Z' }).row,
    ])
    await backend.writeElsewhere(user, { entity: 'cards', entityId: 'deleted', kind: 'delete' })
    const refusing: typeof fetch = async (input, init) => {
      const request = new Request(input, init)
      return request.method === 'GET' ? backend.fetch(request) : Response.json({}, { status: 503 })
    }
    const offline = await rig.start({ fetch: refusing })
    await offline.running.push(
      putCard('pending', 'here', { updatedAt: '2020-01-01T00:00:00.000Z' }),
    )
    await offline.settle()
    await offline.stop()
    const { mergeTable } = await import('../src/engines/legacy/store.js')
    await mergeTable(rig.db, 'cards', await backend.rows(user, 'cards'))
    const held = await rig.db.cards.toArray()
    expect(
      Object.fromEntries(
        held.map((row) => [row.id, (row.frontContent as { title: string }).title]),
      ),
    ).toEqual({ older: 'cloud', newer: 'here', pending: 'here' })
  })

  it('stops sending when fenced and keeps the operation', async () => {
    const rig = rigLegacy({ backend })
    const newer = await rig.start({ term: 5 })
    await newer.running.push(putCard('card-1', 'newer'))
    await newer.settle()
    await newer.stop()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const stale = await rig.start({ term: 4 })
    await stale.running.push(putCard('card-2', 'stale'))
    await stale.settle()
    const sent = backend.requests.length
    await stale.running.push(putCard('card-3', 'stale'))
    await stale.settle()
    await vi.advanceTimersByTimeAsync(10 * 60_000)
    vi.useRealTimers()
    expect(backend.requests.length).toBe(sent)
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 2 })
    expect(rig.failed).toEqual([])
    expect(await backend.rows(userOf(rig), 'cards')).toHaveLength(1)
    await stale.stop()
  })

  it('tries again by itself, more and more seldom, until the server answers', async () => {
    const rig = rigLegacy({ backend })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let attempts = 0
    let down = true
    const { running, settle, stop } = await rig.start({
      fetch: async (input, init) => {
        if (!down) return backend.fetch(input, init)
        attempts++
        return Response.json({}, { status: 503 })
      },
    })
    await running.push(putCard('card-1', 'patience'))
    await settle()
    await vi.advanceTimersByTimeAsync(60_000)
    const inFirstMinute = attempts
    await vi.advanceTimersByTimeAsync(60_000)
    expect(inFirstMinute).toBeGreaterThan(4)
    expect(attempts - inFirstMinute).toBeLessThan(4)
    down = false
    await vi.advanceTimersByTimeAsync(60_000)
    vi.useRealTimers()
    await vi.waitFor(() => expect(rig.acked).toHaveLength(1))
    await stop()
  })

  it('gives up an operation whose id belongs to another, and goes on', async () => {
    const rig = rigLegacy({ backend })
    const { running, settle, stop } = await rig.start()
    const op = putCard('card-1', 'mine')
    const other = rigLegacy({ backend, user: rig.session.user })
    const elsewhere = await other.start()
    await elsewhere.running.push({ ...op, row: putCard('card-1', 'theirs').row ?? { id: '' } })
    await elsewhere.settle()
    await elsewhere.stop()
    const next = putCard('card-2', 'next')
    await running.push(op)
    await running.push(next)
    await settle()
    expect(rig.failed).toEqual([op.opId])
    expect(rig.acked).toEqual([next.opId])
    await stop()
  })

  it('sends nothing of another user', async () => {
    const rig = rigLegacy({ backend, user: null })
    const alice = randomUUID()
    const bob = randomUUID()
    const never = async () => Response.json({}, { status: 503 })
    rig.session.user = alice
    const first = await rig.start({ fetch: never })
    await first.running.push(putCard('card-a', 'of alice'))
    await first.settle()
    await first.stop()
    rig.session.user = bob
    const second = await rig.start({ term: 2 })
    await second.running.push(putCard('card-b', 'of bob'))
    await second.settle()
    await second.stop()
    expect(titles(await backend.rows(bob, 'cards'))).toEqual(['of bob'])
    expect(await backend.rows(alice, 'cards')).toEqual([])
    expect(await rig.engine.queue?.exporter?.read()).toMatchObject([{ userId: alice }])
  })

  it('keeps large rows out of localStorage and sends them whole', async () => {
    const rig = rigLegacy({ backend })
    const { running, settle, stop } = await rig.start({
      fetch: async () => Response.json({}, { status: 503 }),
    })
    const text = '长'.repeat(20_000)
    const op = putCard('card-1', text)
    await running.push(op)
    await settle()
    expect(rig.storage.getItem(QUEUE_KEY)?.length).toBeLessThan(1_000)
    expect(await rig.engine.queue?.exporter?.read()).toMatchObject([{ op: { row: op.row } }])
    await stop()
    const online = await rig.start({ term: 2 })
    await online.settle()
    expect(titles(await backend.rows(userOf(rig), 'cards'))).toEqual([text])
    await online.stop()
  })

  it('sends a large row whole after its user signed out and in again', async () => {
    const rig = rigLegacy({ backend })
    const user = userOf(rig)
    const first = await rig.start({ fetch: offline })
    const op = putCard('card-1', LARGE)
    await first.running.push(op)
    await first.stop()
    rig.session.user = null
    await rig.engine.store?.clear()
    rig.session.user = user
    expect(await rig.db.cards.count()).toBe(0)
    const second = await rig.start({ term: 2, fetch: offline })
    await second.running.push(op)
    expect(await rig.db.cards.count()).toBe(1)
    await second.stop()
    await rig.engine.store?.clear()
    const third = await rig.start({ term: 3 })
    await third.settle()
    expect(rig.acked).toEqual([op.opId])
    expect(titles(await backend.rows(user, 'cards'))).toEqual([LARGE])
    await third.stop()
  })

  it('gives up a put whose row is gone, and goes on', async () => {
    const rig = rigLegacy({ backend })
    const first = await rig.start({ fetch: offline })
    const [before, gone, next] = [
      putCard('card-1', 'before'),
      putCard('card-1', LARGE),
      putCard('card-2', 'next'),
    ]
    for (const op of [before, gone, next]) await first.running.push(op)
    await first.stop()
    await rig.db.handled.delete(gone.opId)
    const second = await rig.start({ term: 2 })
    await second.settle()
    expect(rig.failed).toEqual([gone.opId])
    expect(rig.acked).toEqual([before.opId, next.opId])
    const rows = await backend.rows(userOf(rig), 'cards')
    expect(titles(rows)).toEqual(['before', 'next'])
    expect(rows).toMatchObject([{ is_deleted: false }, { is_deleted: false }])
    await second.stop()
  })

  it('sends what is queued while localStorage is full', async () => {
    const storage = createBoundedStorage()
    const rig = rigLegacy({ backend, storage })
    const first = await rig.start({ fetch: offline })
    const ops = [putCard('card-1', 'one'), putCard('card-2', 'two')]
    for (const op of ops) await first.running.push(op)
    await first.stop()
    storage.full = true
    const second = await rig.start({ term: 2 })
    await second.settle()
    expect(rig.acked).toEqual(ops.map(({ opId }) => opId))
    expect(storage.getItem(QUEUE_KEY)).toBe('[]')
    await second.stop()
  })

  it('names what was on the wire when it had to be cut off', async () => {
    const rig = rigLegacy({ backend })
    const wire = createHangingWire(backend)
    const { running } = await rig.start({ fetch: wire.fetch })
    const op = putCard('card-1', 'unknown')
    await running.push(op)
    await wire.reached
    expect(await running.stop({ deadlineMs: 10 })).toEqual({ clean: false, inflight: [op.opId] })
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 1, inflight: 1 })
    expect(await rig.engine.queue?.exporter?.read()).toMatchObject([{ state: 'inflight' }])
  })

  it('only pulls in shadow', async () => {
    const rig = rigLegacy({ backend })
    await backend.writeElsewhere(userOf(rig), {
      entity: 'tags',
      entityId: 'tag-1',
      kind: 'put',
      cloud: { name: 'shared' },
    })
    const { running, settle, stop } = await rig.start({ mode: 'shadow' })
    await running.push(putCard('card-1', 'shadow'))
    await settle()
    expect(await rig.db.tags.count()).toBe(1)
    expect(await rig.db.cards.count()).toBe(1)
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 0 })
    expect(await backend.rows(userOf(rig), 'cards')).toEqual([])
    await stop()
  })
})

describe('the queue of the legacy engine at rest', () => {
  it('hands out all three shapes of queues, and takes out only what it handed out', async () => {
    const storage = createStorage()
    const user = randomUUID()
    const old = {
      type: 'update',
      table: 'cards',
      localId: 'card-1',
      data: putCard('card-1', 'old build').row,
      timestamp: '2025-09-01T00:00:00.000Z',
      retryCount: 1,
    }
    storage.setItem(QUEUE_KEY, JSON.stringify([old, old]))
    const unified = new Dexie('CardAllUnifiedDatabase')
    unified.version(4).stores({ syncQueue: '++id,type,entity,entityId,userId,timestamp' })
    await unified.table('syncQueue').add({
      id: randomUUID(),
      type: 'create',
      entity: 'card',
      entityId: 'card-2',
      userId: undefined,
      data: { ...putCard('card-2', 'stranded').row, updatedAt: new Date(0) },
      timestamp: new Date(Date.now() - DAY_MS),
      retryCount: 0,
    })
    const third = new Dexie('CardAllUnifiedDB_v3')
    third.version(3).stores({ syncQueue: '++id,status' })
    await third.table('syncQueue').bulkAdd([
      {
        entityType: 'folder',
        operationType: 'create',
        entityId: 'f',
        status: 'processing',
        data: { id: 'f', name: 'F', userId: user },
      },
      {
        entityType: 'card',
        operationType: 'create',
        entityId: 'x',
        status: 'pending',
        data: { userId: user },
      },
      {
        entityType: 'card',
        operationType: 'update',
        entityId: 'y',
        status: 'completed',
        data: { id: 'y' },
      },
    ])
    const rig = rigLegacy({ backend, storage })
    const queue = rig.engine.queue
    const pending = (await queue?.exporter?.read()) ?? []
    expect(
      pending.map(({ op, userId, state }) => [op.entity, op.entityId, op.kind, userId, state]),
    ).toEqual([
      ['cards', 'card-2', 'put', null, 'open'],
      ['folders', 'f', 'put', user, 'inflight'],
      ['cards', 'x', 'delete', user, 'open'],
      ['cards', 'card-1', 'put', null, 'open'],
      ['cards', 'card-1', 'put', null, 'open'],
    ])
    const ids = pending.map(({ opId }) => opId)
    expect(new Set(ids).size).toBe(5)
    expect((await queue?.exporter?.read())?.map(({ opId }) => opId)).toEqual(ids)
    expect(await queue?.size()).toMatchObject({ count: 5 })

    await third.table('syncQueue').add({
      entityType: 'tag',
      operationType: 'update',
      entityId: 't',
      status: 'pending',
      data: { id: 't', name: 'late' },
    })
    const late = { ...old, type: 'delete', localId: 'late' }
    storage.setItem(QUEUE_KEY, JSON.stringify([old, old, late]))
    await queue?.exporter?.seal('handover')
    await queue?.exporter?.seal('handover')
    expect((await queue?.exporter?.read())?.map(({ op }) => op.entityId)).toEqual(['t', 'late'])
    await Promise.all([unified.delete(), third.delete()])
  })

  it('hands out a large row whole after the rows were emptied', async () => {
    const rig = rigLegacy({ backend })
    const { running, stop } = await rig.start({ fetch: offline })
    const op = putCard('card-1', LARGE)
    await running.push(op)
    await stop()
    await rig.engine.store?.clear()
    expect(await rig.engine.queue?.exporter?.read()).toMatchObject([{ op: { row: op.row } }])
  })

  describe('as an old build left it', () => {
    const head = { table: 'cards', localId: 'card-1', timestamp: '2026-03-01T08:00:00.000Z' }
    const deleted = { ...head, type: 'delete', retryCount: 0 }
    const created = { ...deleted, type: 'create', data: makeCard('card-1', 'undone') }
    /** Deleted, which was tried twice in vain, taken back, deleted again. */
    const entries = [{ ...deleted, retryCount: 2 }, created, deleted]

    it('has another id for each operation, however often each was tried', async () => {
      const rig = rigLegacy({ backend })
      const read = async () =>
        (await rig.engine.queue?.exporter?.read())?.map(({ opId }) => opId) ?? []
      rig.storage.setItem(QUEUE_KEY, JSON.stringify(entries))
      const ids = await read()
      expect(new Set(ids).size).toBe(3)
      // Some were written down before an old build added another.
      const named = entries.map((entry, index) => ({ ...entry, opId: ids[index] }))
      rig.storage.setItem(QUEUE_KEY, JSON.stringify([...named, deleted]))
      expect(new Set(await read()).size).toBe(4)
    })

    it('is sent whole and in order, also while localStorage is full', async () => {
      const storage = createBoundedStorage()
      const rig = rigLegacy({ backend, storage })
      const others = Array.from({ length: 20 }, (_, index) => ({ ...deleted, localId: `${index}` }))
      storage.setItem(QUEUE_KEY, JSON.stringify([...entries, ...others]))
      storage.full = true
      const { settle, stop } = await rig.start()
      await settle()
      expect(new Set(rig.acked).size).toBe(23)
      expect(await backend.rows(userOf(rig), 'cards')).toMatchObject([{ is_deleted: true }])
      expect(storage.getItem(QUEUE_KEY)).toBe('[]')
      await stop()
    })
  })

  it('makes no database of an earlier build that is not there', async () => {
    const rig = rigLegacy({ backend })
    await rig.engine.queue?.size()
    await rig.engine.queue?.exporter?.read()
    expect(await Dexie.exists('CardAllUnifiedDatabase')).toBe(false)
  })

  it('shows staged operations to nobody until they are activated, however often', async () => {
    const rig = rigLegacy({ backend })
    const user = userOf(rig)
    const importer = rig.engine.queue?.importer
    const ops = [putCard('a', '1'), putCard('a', '2'), deleteCard('b')]
    const pending = ops.map((op) => ({ opId: op.opId, op, userId: user, state: 'open' as const }))
    await importer?.stage(pending.slice(0, 1), 'h1')
    expect(await importer?.stage(pending, 'h1')).toEqual(ops.map((op) => op.opId))
    await importer?.stage(pending.slice(0, 2), 'h0')
    await importer?.discard('h0')
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 0, seq: 0 })
    await importer?.activate('h1')
    await importer?.activate('h1')
    expect((await rig.engine.queue?.exporter?.read())?.map(({ opId }) => opId)).toEqual(
      ops.map((op) => op.opId),
    )
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 3, seq: 3 })
    const started = await rig.start()
    await started.settle()
    expect(rig.acked).toEqual(ops.map((op) => op.opId))
    expect(titles(await backend.rows(user, 'cards'))).toEqual(['2'])
    await started.stop()
  })
})
