import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import type { Rollout } from '../../src/model/rollout.js'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, put, queued, rest } from '../support/session.js'

const keys = await makeKeys()
const NOW = 1_700_000_000_000
const DAY_MS = 86_400_000

/** A device that was moved to refactored, and whose clock says another time at each start. */
async function createDevice() {
  const indexedDB = new IDBFactory()
  const { engines } = createProfile()
  const startAt = async (now: number, change: Partial<Rollout> = {}) => {
    const { world, open } = createProfile({ indexedDB, now, pristine: true })
    world.answer(() => new Response())
    const bootstrap = await sign(keys, { version: 1, ...change })
    const gray = open({ engines, rollout: { keys: [keys.public], bootstrap } })
    await gray.start()
    return gray
  }
  const first = await startAt(NOW)
  expect(first.getSnapshot()).toMatchObject({ running: 'refactored' })
  const { opId } = await first.enqueue(put('a', 'before'))
  await expect.poll(() => queued(engines.refactored)).toEqual([opId])
  await first.close()
  return { engines, startAt, opId }
}

describe('a device whose clock was set back thirty days', () => {
  const BACK = NOW - 30 * DAY_MS

  it('keeps its engine, and its operations go on in the order of acceptance', async () => {
    const { engines, startAt, opId } = await createDevice()
    const gray = await startAt(BACK)
    expect(gray.getSnapshot()).toMatchObject({ running: 'refactored', reload: 'none' })
    const later = await gray.enqueue(put('a', 'after'))
    const both = [opId, later.opId]
    await expect.poll(() => queued(engines.refactored)).toEqual(both)
    expect((await gray.openOperations()).map((pending) => pending.opId)).toEqual(both)
    await gray.close()

    const killed = await startAt(BACK, { version: 2, kill: true })
    expect(killed.getSnapshot()).toMatchObject({ running: 'legacy' })
    await expect.poll(() => queued(engines.legacy)).toEqual(both)
    expect(engines.legacy.disk.rows.get('cards')?.get('a')).toMatchObject({ text: 'after' })
    await killed.close()
  })

  it('stays rolled back until a reset, and hands on nothing again that was acknowledged', async () => {
    const { engines, startAt, opId } = await createDevice()
    const { start } = engines.refactored
    engines.refactored.start = () => Promise.reject(new Error('broken build'))
    const broken = await startAt(NOW)
    await expect.poll(() => broken.getSnapshot().reload).toBe('wanted')
    await rest()
    await broken.close()
    engines.refactored.start = start

    const gray = await startAt(BACK)
    expect(gray.decision?.reason).toBe('ROLLED_BACK')
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    engines.legacy.acknowledge()
    await expect.poll(() => gray.openOperations()).toEqual([])
    await gray.close()

    const reset = await startAt(BACK, { version: 2, resetEpoch: 1 })
    expect(reset.getSnapshot()).toMatchObject({ running: 'refactored' })
    await rest()
    expect(queued(engines.refactored)).toEqual([])
    await reset.close()
  })
})
