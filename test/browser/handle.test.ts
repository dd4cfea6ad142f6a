import { afterEach, describe, expect, it } from 'vitest'
import { createGraySync, type GraySync } from '../../src/index.js'
import type { Rollout } from '../../src/model/rollout.js'
import { createFakeEngine, type FakeEngine, type RowOperation } from '../../src/testing.js'
import { deleteDatabase } from '../support/database.js'
import { makeKeys, sign } from '../support/rollout.js'

const keys = await makeKeys()
const open: GraySync<RowOperation>[] = []

interface Engines {
  legacy: FakeEngine
  refactored: FakeEngine
}

async function createHandle(
  engines: Engines,
  change: Partial<Rollout>,
): Promise<GraySync<RowOperation>> {
  const gray = createGraySync<RowOperation>({
    app: { name: 'test', version: '1' },
    engines,
    rollout: { keys: [keys.public], bootstrap: await sign(keys, change) },
  })
  open.push(gray)
  return gray
}

function createEngines(): Engines {
  return { legacy: createFakeEngine(['cards']), refactored: createFakeEngine(['cards'], '2') }
}

const put = (entityId: string): RowOperation => ({
  entity: 'cards',
  entityId,
  kind: 'put',
  row: { text: entityId },
})

afterEach(async () => {
  for (const gray of open.splice(0)) await gray.close()
  await deleteDatabase('graysync')
  await deleteDatabase('graysync-control')
  localStorage.clear()
})

describe('on real IndexedDB, Web Locks and WebCrypto', () => {
  it('a profile goes from legacy to refactored and back with its pending work', async () => {
    const engines = createEngines()
    const before = await createHandle(engines, { version: 1, stages: [{ name: 'all', share: 0 }] })
    expect(await before.start()).toMatchObject({ running: 'legacy', role: 'writer' })
    const opIds = []
    for (const id of ['a', 'b', 'c']) opIds.push((await before.enqueue(put(id))).opId)
    await expect.poll(() => engines.legacy.disk.queue.length).toBe(3)
    await before.close()

    const forth = await createHandle(engines, { version: 2 })
    expect(await forth.start()).toMatchObject({ running: 'refactored' })
    expect(engines.refactored.disk.queue.map((row) => row.opId)).toEqual(opIds)
    await forth.enqueue(put('d'))
    await expect.poll(() => engines.refactored.disk.queue.length).toBe(4)
    await forth.close()

    const back = await createHandle(engines, { version: 3, kill: true })
    expect(await back.start()).toMatchObject({ running: 'legacy' })
    expect([...(engines.legacy.disk.rows.get('cards')?.keys() ?? [])].sort()).toEqual([
      'a',
      'b',
      'c',
      'd',
    ])
    expect(engines.legacy.disk.queue.slice(0, 3).map((row) => row.opId)).toEqual(opIds)
    expect(engines.legacy.disk.queue).toHaveLength(4)
  })

  it('one of two handles leads, and the other takes over', async () => {
    const engines = createEngines()
    const leader = await createHandle(engines, { version: 1, stages: [{ name: 'all', share: 0 }] })
    const follower = await createHandle(engines, {
      version: 1,
      stages: [{ name: 'all', share: 0 }],
    })
    expect(await leader.start()).toMatchObject({ role: 'writer' })
    expect(await follower.start()).toMatchObject({ role: 'follower', running: 'legacy' })
    const { opId } = await follower.enqueue(put('a'))
    await expect.poll(() => engines.legacy.disk.queue.map((row) => row.opId)).toEqual([opId])
    await leader.close()
    await expect.poll(() => follower.getSnapshot()).toMatchObject({ role: 'writer' })
    expect(engines.legacy.starts).toHaveLength(2)
  })

  it('a broken cache is dropped and the profile stays where it is', async () => {
    const engines = createEngines()
    const first = await createHandle(engines, { version: 2 })
    expect(await first.start()).toMatchObject({ running: 'refactored' })
    await first.close()
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open('graysync')
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })
    const tx = db.transaction('rollout', 'readwrite')
    tx.objectStore('rollout').put({ key: 'rollout', envelope: 'a.b.c', etag: null, writtenAt: 1 })
    await new Promise((resolve) => {
      tx.oncomplete = resolve
    })
    db.close()
    const gray = createGraySync<RowOperation>({
      app: { name: 'test', version: '1' },
      engines,
      rollout: { keys: [keys.public] },
    })
    open.push(gray)
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    expect(gray.decision?.reason).toBe('NO_ROLLOUT')
  })

  it('a support file holds the journal and no content of an operation', async () => {
    const engines = createEngines()
    const gray = await createHandle(engines, { version: 2 })
    await gray.enqueue({ ...put('secret-card'), row: { text: 'secret text' } })
    await gray.start()
    const text = await (await gray.supportFile()).text()
    const file = JSON.parse(text) as { journal: { kind: string }[]; gaps: number[] }
    expect(file.journal.map((entry) => entry.kind)).toContain('writer')
    expect(file.gaps).toEqual([])
    expect(text).not.toContain('secret')
  })

  it('forgets everything but who owns the profile', async () => {
    const engines = createEngines()
    const gray = await createHandle(engines, { version: 2 })
    await gray.start()
    await gray.enqueue(put('a'))
    await gray.forget()
    expect(await gray.openOperations()).toEqual([])
    await expect(gray.restore()).rejects.toMatchObject({ code: 'BACKUP' })
    await gray.close()
    const next = await createHandle(engines, { version: 2 })
    expect(await next.start()).toMatchObject({ running: 'refactored' })
  })
})
