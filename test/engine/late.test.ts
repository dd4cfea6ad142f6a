import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { readControl } from '../../src/engine/control.js'
import { sweepLate } from '../../src/engine/late.js'
import { readOpen } from '../../src/engine/oplog.js'
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
})
