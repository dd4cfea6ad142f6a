import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { readControl } from '../../src/engine/control.js'
import { sweepLate } from '../../src/engine/late.js'
import { readOpen } from '../../src/engine/oplog.js'
import type { Control } from '../../src/model/engine.js'
import { connectControl } from '../../src/store/control.js'
import { createFakeEngine, createWorld } from '../../src/testing.js'
import { put, queued } from '../support/session.js'

describe('a queue that was left', () => {
  it.each([
    { from: 'refactored', isSealed: true, whose: 'another engine than the owner', left: [] },
    { from: 'refactored', isSealed: false, whose: 'an engine that may own by now', left: ['late'] },
  ] as const)(
    'is emptied of what is in the op-log, where it is of $whose: $isSealed',
    async (o) => {
      const platform = createWorld({ indexedDB: new IDBFactory() }).tab()
      const control = connectControl(platform)
      await readControl(control)
      const engine = createFakeEngine(['cards'])
      const op = { ...put('a'), opId: 'late' }
      engine.disk.queue.push({ opId: 'late', op, userId: null, state: 'open' })
      const sweep = () =>
        sweepLate({ platform, control, engine, from: o.from, isSealed: () => o.isSealed })
      expect(await sweep()).toBe(1)
      expect(await sweep()).toBe(0)
      expect((await readOpen(control)).map(({ opId }) => opId)).toEqual(['late'])
      expect(queued(engine)).toEqual(o.left)
      control.close()
    },
  )

  it('is left alone by a page that stood still since it asked whose it is', async () => {
    const platform = createWorld({ indexedDB: new IDBFactory() }).tab()
    const control = connectControl(platform)
    const engine = createFakeEngine(['cards'])
    engine.disk.queue.push({
      opId: 'late',
      op: { ...put('a'), opId: 'late' },
      userId: null,
      state: 'open',
    })
    let now = 0
    platform.monotonic = () => now
    const { run } = control
    let questions = 0
    control.run = async (work) => {
      const answer = await run(work)
      if (++questions !== 3) return answer
      // Heard, and then the page froze: another tab handed over to the engine that was left.
      const owned = { ...(answer as Control), flip: 4, owner: 'refactored' as const }
      await run(async (db) => void (await db.put('control', owned)))
      now += 60_000
      return answer
    }
    const isSealed = ({ owner }: Control) => owner === 'legacy'
    await sweepLate({ platform, control, engine, from: 'refactored', isSealed })
    expect(questions).toBeGreaterThan(2)
    expect(queued(engine)).toEqual(['late'])
    control.close()
  })
})
