import { IDBFactory } from 'fake-indexeddb'
import { expect, it } from 'vitest'
import { createCount } from '../../src/client/count.js'
import type { Presence } from '../../src/client/state.js'
import { type ControlConnection, connectControl } from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'
import { rest } from '../support/session.js'

it('what changes while operations are counted is counted afterwards, after a pause that is twenty times as long', async () => {
  const world = createWorld({ indexedDB: new IDBFactory() })
  const platform = world.tab()
  const connection = connectControl(platform)
  let counts = 0
  const control: ControlConnection = {
    ...connection,
    async run(work) {
      counts++
      if (counts === 1) recount()
      await Promise.resolve()
      world.advance(1_000)
      return connection.run(work)
    },
  }
  const shown: unknown[] = []
  const state = { amend: ({ pending }: object & { pending?: unknown }) => shown.push(pending) }
  const recount = createCount({
    platform,
    control,
    state: state as unknown as Presence,
    signal: new AbortController().signal,
    report: (cause) => shown.push(cause),
  })
  recount()
  world.advance(100)
  await rest()
  expect([counts, shown]).toEqual([1, [{ count: 0 }]])
  world.advance(19_999)
  await rest()
  expect(counts).toBe(1)
  world.advance(1)
  await rest()
  expect([counts, shown]).toEqual([2, [{ count: 0 }, { count: 0 }]])
  connection.close()
})
