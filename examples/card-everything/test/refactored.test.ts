import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type Backend,
  createBackend,
  createHangingWire,
  deleteCard,
  putCard,
} from './support/backend.js'
import { rigRefactored } from './support/rig.js'

/** An embedded PostgreSQL takes its time to start on a busy machine. */
const PATIENCE_MS = 60_000

let backend: Backend
beforeAll(async () => {
  backend = await createBackend()
}, PATIENCE_MS)
afterAll(() => backend.close())
afterEach(() => void vi.useRealTimers())

const userOf = (rig: { session: { user: string | null } }) => rig.session.user ?? ''
const titleOf = (row: Record<string, unknown> | undefined) =>
  (row?.frontContent as { title?: string } | undefined)?.title

describe('the refactored engine', () => {
  it('applies at once, sends in batches of at most fifty and clears the pending mark', async () => {
    const rig = rigRefactored({ backend })
    const { running, settle, stop } = await rig.start()
    await settle()
    const before = backend.requests.length
    const ops = Array.from({ length: 120 }, (_, index) => putCard(`card-${index}`, `${index}`))
    await Promise.all(ops.map((op) => running.push(op)))
    expect(await rig.db.cards.count()).toBe(120)
    await settle()
    expect(rig.acked.toSorted()).toEqual(ops.map((op) => op.opId).toSorted())
    const sent = backend.requests.slice(before).filter((line) => line === 'POST /api/apply')
    expect(sent.length).toBeGreaterThanOrEqual(3)
    expect(await backend.rows(userOf(rig), 'cards')).toHaveLength(120)
    expect(await rig.db.cards.filter((row) => row.pendingSync !== false).count()).toBe(0)
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 0, inflight: 0, seq: 120 })
    await stop()
  })

  it('takes a repeated push for the same operation', async () => {
    const rig = rigRefactored({ backend })
    const { running, settle, stop } = await rig.start()
    const first = putCard('card-1', 'one')
    await running.push(first)
    await running.push(putCard('card-1', 'two'))
    await running.push(first)
    expect(titleOf(await rig.db.cards.get('card-1'))).toBe('two')
    await settle()
    await running.push(first)
    await settle()
    expect(rig.acked.filter((opId) => opId === first.opId)).toHaveLength(2)
    expect(await backend.rows(userOf(rig), 'cards')).toMatchObject([
      { front_content: { title: 'two' }, sync_version: 2 },
    ])
    await stop()
  })

  it('sends again after a lost answer without a second effect', async () => {
    const rig = rigRefactored({ backend })
    let lose = true
    const flaky: typeof fetch = async (input, init) => {
      const request = new Request(input, init)
      const response = await backend.fetch(request)
      if (request.method === 'GET' || !lose) return response
      lose = false
      throw new TypeError('connection lost')
    }
    const first = await rig.start({ fetch: flaky })
    await first.running.push(putCard('card-1', 'once'))
    await first.settle()
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 1, inflight: 0 })
    await first.stop()
    const second = await rig.start({ term: 2 })
    await second.settle()
    expect(rig.acked).toHaveLength(1)
    expect(await backend.rows(userOf(rig), 'cards')).toMatchObject([{ sync_version: 1 }])
    await second.stop()
  })

  it('pulls what came after its cursor, and remembers the cursor', async () => {
    const rig = rigRefactored({ backend })
    const user = userOf(rig)
    for (let index = 0; index < 5; index++) {
      await backend.writeElsewhere(user, {
        entity: 'cards',
        entityId: `far-${index}`,
        kind: 'put',
        cloud: { front_content: { title: 'far', text: '远方' } },
      })
    }
    const first = await rig.start()
    await first.settle()
    expect(await rig.db.cards.count()).toBe(5)
    const row = await rig.db.cards.get('far-0')
    expect(row).toMatchObject({
      userId: user,
      folderId: null,
      pendingSync: false,
      searchVector: 'far 远方',
    })
    expect(row).not.toHaveProperty('isFlipped')
    expect(row?.frontContent).toMatchObject({ lastModified: expect.any(Date) })
    await first.stop()
    await backend.writeElsewhere(user, { entity: 'cards', entityId: 'far-0', kind: 'delete' })
    await rig.db.cards.delete('far-1')
    const second = await rig.start({ term: 2 })
    await second.settle()
    // Only what changed came again: a row that was lost here stays lost until everything is read anew.
    expect((await rig.db.cards.toCollection().primaryKeys()).toSorted()).toEqual([
      'far-2',
      'far-3',
      'far-4',
    ])
    await second.stop()
    await rig.engine.store?.clear()
    const third = await rig.start({ term: 3 })
    await third.settle()
    expect(await rig.db.cards.count()).toBe(4)
    await third.stop()
  })

  it('brings no deleted row back from an older version of it', async () => {
    const rig = rigRefactored({ backend })
    const user = userOf(rig)
    const { mergeChanges } = await import('../src/engines/refactored/store.js')
    const change = (version: number, deleted = false) => ({
      table: 'cards' as const,
      row: { id: 'card-1', sync_version: version, is_deleted: deleted, front_content: {} },
    })
    const merge = (...changes: ReturnType<typeof change>[]) =>
      mergeChanges(rig.db, changes, { user, cursor: '1' })
    await merge(change(1))
    await merge(change(2, true))
    await merge(change(1))
    expect(await rig.db.cards.count()).toBe(0)
    await merge(change(3))
    expect(await rig.db.cards.count()).toBe(1)
  })

  it('leaves rows with open operations alone when it pulls', async () => {
    const rig = rigRefactored({ backend })
    const user = userOf(rig)
    await backend.writeElsewhere(user, {
      entity: 'cards',
      entityId: 'card-1',
      kind: 'put',
      cloud: { front_content: { title: 'cloud' } },
    })
    const started = await rig.start({ fetch: async () => Response.json({}, { status: 503 }) })
    await started.running.push(putCard('card-1', 'here'))
    await started.settle()
    await started.stop()
    const { mergeChanges } = await import('../src/engines/refactored/store.js')
    const [row = {}] = await backend.rows(user, 'cards')
    await mergeChanges(rig.db, [{ table: 'cards', row }], { user, cursor: '1' })
    expect(titleOf(await rig.db.cards.get('card-1'))).toBe('here')
  })

  it('stops sending when fenced and keeps the operations', async () => {
    const rig = rigRefactored({ backend })
    const newer = await rig.start({ term: 5 })
    await newer.running.push(putCard('card-1', 'newer'))
    await newer.settle()
    await newer.stop()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const stale = await rig.start({ term: 4 })
    await stale.running.push(putCard('card-2', 'stale'))
    await stale.settle()
    const sent = backend.requests.length
    await stale.running.push(deleteCard('card-1'))
    await stale.settle()
    await vi.advanceTimersByTimeAsync(10 * 60_000)
    vi.useRealTimers()
    expect(backend.requests.length).toBe(sent)
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 2, inflight: 0 })
    expect(rig.failed).toEqual([])
    await stale.stop()
  })

  it('keeps operations while its sends are refused', async () => {
    const { GraySyncError } = await import('graysync')
    const rig = rigRefactored({ backend })
    const suspended = async () => {
      throw new GraySyncError('SUSPENDED', 'not now')
    }
    const { running, settle, stop } = await rig.start({ fetch: suspended })
    await running.push(putCard('card-1', 'kept'))
    await settle()
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 1, inflight: 0 })
    expect(rig.failed).toEqual([])
    expect(await stop()).toEqual({ clean: true, inflight: [] })
  })

  it('gives up what the server can never take, and sends the rest of the batch', async () => {
    const rig = rigRefactored({ backend })
    const bad = putCard('card-bad', 'bad', { createdAt: '2026-01-01', updatedAt: '2026-01-01' })
    const text = 'x'.repeat(3 * 1024 * 1024)
    const ops = [
      putCard('card-1', 'one'),
      { ...bad, row: putCard('card-bad', text).row },
      putCard('card-2', 'two'),
    ]
    const { running, settle, stop } = await rig.start()
    for (const op of ops) await running.push(op as typeof bad)
    await settle()
    expect(rig.failed).toEqual([bad.opId])
    expect(rig.acked).toHaveLength(2)
    expect(await backend.rows(userOf(rig), 'cards')).toHaveLength(2)
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 0 })
    await stop()
  })

  it('gives up a put that came without its row, and deletes nothing for it', async () => {
    const rig = rigRefactored({ backend })
    const { running, settle, stop } = await rig.start()
    const { row: _, ...rowless } = putCard('card-1', 'gone')
    const [before, next] = [putCard('card-1', 'before'), putCard('card-2', 'next')]
    for (const op of [before, rowless, next]) await running.push(op)
    await settle()
    expect(rig.failed).toEqual([rowless.opId])
    expect(rig.acked).toEqual([before.opId, next.opId])
    expect(await backend.rows(userOf(rig), 'cards')).toMatchObject([
      { id: 'card-1', front_content: { title: 'before' }, is_deleted: false },
      { id: 'card-2' },
    ])
    await stop()
  })

  it('fails an operation whose id belongs to another', async () => {
    const rig = rigRefactored({ backend })
    const op = putCard('card-1', 'mine')
    const other = rigRefactored({ backend, user: rig.session.user })
    const elsewhere = await other.start()
    await elsewhere.running.push({ ...op, row: putCard('card-1', 'theirs').row ?? { id: '' } })
    await elsewhere.settle()
    await elsewhere.stop()
    const { running, settle, stop } = await rig.start()
    await running.push(op)
    await settle()
    expect(rig.failed).toEqual([op.opId])
    // What the server holds replaces the refused row.
    expect(titleOf(await rig.db.cards.get('card-1'))).toBe('theirs')
    await stop()
  })

  it('sends nothing of another user, and what nobody signed goes to the first who does', async () => {
    const rig = rigRefactored({ backend, user: null })
    const { running, settle, stop } = await rig.start()
    await running.push(putCard('card-0', 'of nobody'))
    await settle()
    const alice = randomUUID()
    const bob = randomUUID()
    rig.session.user = alice
    await settle()
    expect(await backend.rows(alice, 'cards')).toMatchObject([{ id: 'card-0' }])
    await stop()
    const never = await rig.start({
      term: 2,
      fetch: async () => Response.json({}, { status: 503 }),
    })
    await never.running.push(putCard('card-a', 'of alice'))
    await never.settle()
    await never.stop()
    rig.session.user = bob
    const second = await rig.start({ term: 3 })
    await second.running.push(putCard('card-b', 'of bob'))
    await second.settle()
    expect(await backend.rows(bob, 'cards')).toMatchObject([{ id: 'card-b' }])
    expect(await rig.engine.queue?.exporter?.read()).toMatchObject([{ userId: alice }])
    await second.stop()
  })

  it('names what was on the wire when it had to be cut off', async () => {
    const rig = rigRefactored({ backend })
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
    const rig = rigRefactored({ backend })
    const { running, settle, stop } = await rig.start({ mode: 'shadow' })
    await running.push(putCard('card-1', 'shadow'))
    await settle()
    expect(await rig.db.cards.count()).toBe(1)
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 0 })
    expect(await backend.rows(userOf(rig), 'cards')).toEqual([])
    await stop()
  })
})

describe('the operation log at rest', () => {
  it('hands out everything pending in order, and takes out only what it handed out', async () => {
    const rig = rigRefactored({ backend })
    const { running, stop } = await rig.start({
      fetch: async () => Response.json({}, { status: 503 }),
    })
    const ops = [putCard('a', '1'), putCard('b', '1'), deleteCard('a')]
    for (const op of ops) await running.push(op)
    const queue = rig.engine.queue
    expect((await queue?.exporter?.read())?.map(({ op, opId }) => [op.entityId, opId])).toEqual(
      ops.map((op) => [op.entityId, op.opId]),
    )
    const late = putCard('c', 'late')
    await running.push(late)
    await stop()
    await queue?.exporter?.seal('h')
    await queue?.exporter?.seal('h')
    expect(await queue?.exporter?.read()).toMatchObject([{ opId: late.opId }])
    expect(await queue?.size()).toMatchObject({ count: 1, seq: 4 })
  })

  it('shows staged operations to nobody until they are activated, however often', async () => {
    const rig = rigRefactored({ backend })
    const user = userOf(rig)
    const importer = rig.engine.queue?.importer
    const ops = [putCard('a', '1'), putCard('a', '2'), deleteCard('b')]
    const pending = ops.map((op) => ({ opId: op.opId, op, userId: user, state: 'open' as const }))
    await importer?.stage(pending.slice(0, 1), 'h1')
    expect(await importer?.stage(pending, 'h1')).toEqual(ops.map((op) => op.opId))
    await importer?.stage(pending, 'h0')
    await importer?.discard('h0')
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 0, seq: 0 })
    await importer?.activate('h1')
    await importer?.activate('h1')
    expect((await rig.engine.queue?.exporter?.read())?.map(({ opId }) => opId)).toEqual(
      ops.map((op) => op.opId),
    )
    const { settle, stop } = await rig.start()
    await settle()
    expect(rig.acked).toEqual(ops.map((op) => op.opId))
    await stop()
  })
})
