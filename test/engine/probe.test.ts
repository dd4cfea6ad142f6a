import { IDBFactory } from 'fake-indexeddb'
import { expect, it } from 'vitest'
import { toRow } from '../../src/engine/oplog.js'
import { findApplied } from '../../src/engine/probe.js'
import { createWorld } from '../../src/testing.js'
import { put } from '../support/session.js'

it('a server that answers slowly is asked for fifteen seconds, and what it said by then holds', async () => {
  const world = createWorld({ indexedDB: new IDBFactory() })
  const rows = Array.from({ length: 10 }, (_, seq) => {
    const op = { ...put(`${seq}`), opId: `op-${seq}` }
    return { ...toRow({ op, userId: null, at: 0, applied: true }, 1, 'legacy', false), seq }
  })
  const running = {
    push() {},
    async probe() {
      world.advance(4_000)
      return 'applied' as const
    },
  }
  const applied = await findApplied(world.tab(), running, rows)
  expect(applied.map(({ opId }) => opId)).toEqual(['op-0', 'op-1', 'op-2', 'op-3'])
})
