import { describe, expect, it } from 'vitest'
import type { Running } from '../../src/model/engine.js'
import type { FakeEngine, RowOperation, WorldOptions } from '../../src/testing.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { makeKeys } from '../support/rollout.js'
import { createServed } from '../support/served.js'
import { createProfile, put, queued, rest } from '../support/session.js'

const keys = await makeKeys()

/** Gives what a fake engine runs more members. */
function extend(engine: FakeEngine, more: Partial<Running<RowOperation>>): void {
  const { start } = engine
  engine.start = async (ctx) => ({ ...(await start(ctx)), ...more })
}

/** A profile whose tab died with two operations that its engine had been handed, and one that waits since. */
async function leaveBehind(o: WorldOptions = {}) {
  const profile = createProfile(o)
  const tab = profile.world.tab()
  const first = profile.open({}, tab)
  await first.start()
  const sent = await first.enqueue(put('a'))
  const lost = await first.enqueue(put('b'))
  await expect.poll(() => queued(profile.engines.legacy)).toEqual([sent.opId, lost.opId])
  await expect.poll(async () => (await first.openOperations()).length).toBe(2)
  await rest()
  tab.kill()
  profile.engines.legacy.disk.queue = []
  return { ...profile, sent: sent.opId, lost: lost.opId }
}

describe('what was on the wire when a tab died', () => {
  it('is settled where the server has it, and handed over once more where it has not', async () => {
    const { engines, open, sent, lost } = await leaveBehind()
    const asked: string[] = []
    extend(engines.legacy, {
      async probe(opId) {
        asked.push(opId)
        return opId === sent ? 'applied' : 'absent'
      },
    })
    const next = open()
    await next.start()
    await expect.poll(() => queued(engines.legacy)).toEqual([lost])
    expect(asked).toEqual([sent, lost])
    expect((await next.openOperations()).map(({ opId }) => opId)).toEqual([lost])
    const later = await next.enqueue(put('c'))
    await expect.poll(() => queued(engines.legacy)).toEqual([lost, later.opId])
    expect(asked).toEqual([sent, lost])
    await next.close()
  })

  it('is handed over once more where nothing can be asked', async () => {
    const { engines, open, sent, lost } = await leaveBehind()
    const next = open()
    await next.start()
    await expect.poll(() => queued(engines.legacy)).toEqual([sent, lost])
    await next.close()
  })

  it.each([
    ['throws', () => Promise.reject(new Error('offline'))],
    ['does not know', async () => 'unknown' as const],
  ])('is handed over once more where the answer %s', async (_, probe) => {
    const { engines, open, sent, lost } = await leaveBehind()
    extend(engines.legacy, { probe })
    const next = open()
    await next.start()
    await expect.poll(() => queued(engines.legacy)).toEqual([sent, lost])
    await next.close()
  })

  it('and is at the server keeps nothing else from the engine while the disk is full', async () => {
    const disk = createFaultyFactory()
    const { engines, open, lost } = await leaveBehind({ indexedDB: disk.factory })
    extend(engines.legacy, { probe: async (opId) => (opId === lost ? 'absent' : 'applied') })
    const next = open()
    disk.full = (stores) => stores.length === 1 && stores.contains('oplog')
    void next.start()
    await expect.poll(() => queued(engines.legacy)).toEqual([lost])
    disk.full = false
    await next.close()
  })

  it('is asked about once where no answer comes, and held up no longer', async () => {
    const { world, engines, open, sent, lost } = await leaveBehind()
    let asked = 0
    extend(engines.legacy, {
      probe() {
        asked++
        return new Promise(() => undefined)
      },
    })
    const next = open()
    const starting = next.start()
    await expect.poll(() => asked).toBe(1)
    world.advance(5_000)
    await starting
    await expect.poll(() => queued(engines.legacy)).toEqual([sent, lost])
    expect(asked).toBe(1)
    await next.close()
  })
})

describe('an engine that can drain', () => {
  it('is asked to, within a bound, once a reload is to change the engine', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: [{ name: 'all', share: 0 }] })
    const deadlines: number[] = []
    extend(served.engines.legacy, {
      drain({ deadlineMs }) {
        deadlines.push(deadlineMs)
        return new Promise(() => undefined)
      },
    })
    const gray = served.open()
    const failed: string[] = []
    gray.on('error', ({ code }) => failed.push(code))
    await gray.start()
    await expect.poll(() => gray.getSnapshot().reload).toBe('none')
    expect(deadlines).toEqual([])
    await served.publish({ version: 2, stages: [{ name: 'all', share: 100_000 }] })
    await expect
      .poll(async () => {
        // Where the disk works, a leap of the clock would be its silence.
        await rest()
        served.world.advance(300_000)
        return gray.getSnapshot().reload
      })
      .toBe('wanted')
    await expect.poll(() => deadlines).toEqual([10_000])
    served.world.advance(10_000)
    await expect.poll(() => failed).toEqual(['ENGINE_TIMEOUT'])
    expect(gray.getSnapshot()).toMatchObject({ running: 'legacy', role: 'writer' })
    await gray.close()
  })
})
