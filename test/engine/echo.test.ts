import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { createEcho } from '../../src/engine/echo.js'
import { append, settle } from '../../src/engine/oplog.js'
import type { Identified } from '../../src/model/operation.js'
import { connectControl } from '../../src/store/control.js'
import { createWorld, type RowOperation } from '../../src/testing.js'
import { rest } from '../support/session.js'

const op = (opId: string, entityId = opId): Identified<RowOperation> => ({
  entity: 'cards',
  entityId,
  kind: 'put',
  opId,
})

function rig() {
  const world = createWorld({ indexedDB: new IDBFactory() })
  const platform = world.tab()
  const log = connectControl(platform)
  const applied: string[] = []
  const errors: string[] = []
  const held = new Map<string, Promise<void>>()
  const ending = new AbortController()
  const echo = createEcho<RowOperation>({
    platform,
    log,
    async apply({ opId }) {
      await held.get(opId)
      applied.push(opId)
    },
    onError: (cause) => void errors.push((cause as Error).message),
    signal: ending.signal,
  })
  const accept = async (one: Identified<RowOperation>) => {
    await append(log, { op: one, userId: null, at: 1, applied: true })
  }
  const pass = async (ms: number) => {
    world.advance(ms)
    await rest()
  }
  /** Applying this one lasts until it is let go. */
  const hold = (opId: string) => {
    let letGo = () => {}
    held.set(opId, new Promise((resolve) => (letGo = resolve)))
    return () => letGo()
  }
  const behind = () => echo.behind().map(({ entityId }) => entityId)
  return { log, echo, applied, errors, behind, accept, pass, hold, end: () => ending.abort() }
}

describe('operations for a shadow', () => {
  it('begin with those that the owner’s store holds and no server', async () => {
    const { echo, applied, accept, pass, log } = rig()
    for (const id of ['a', 'b', 'c']) await accept(op(id))
    await settle(log, 'b', { state: 'acked', by: 'legacy' })
    await append(log, { op: op('d'), userId: null, at: 1, applied: false })
    await echo.begin()
    await pass(1_000)
    expect(applied).toEqual(['a', 'c'])
  })

  it('wait until the user has been quiet', async () => {
    const { echo, applied, pass } = rig()
    await echo.begin()
    for (let n = 0; n < 5; n++) {
      echo.handed(op(`busy ${n}`))
      await pass(100)
    }
    expect(applied).toEqual([])
    await pass(200)
    await pass(200)
    expect(applied).toHaveLength(5)
  })

  it('do not wait for ever: some are applied while the user goes on', async () => {
    const { echo, applied, pass } = rig()
    await echo.begin()
    for (let n = 0; n < 60; n++) {
      echo.handed(op(`busy ${n}`))
      await pass(100)
    }
    expect(applied.length).toBeGreaterThan(0)
    expect(applied).toEqual(applied.map((_, n) => `busy ${n}`))
  })

  it('are applied once, in their order, also where more came than are held', async () => {
    const { echo, applied, accept, pass } = rig()
    await echo.begin()
    const ids = Array.from({ length: 1_100 }, (_, n) => `op ${n}`)
    for (const id of ids) {
      await accept(op(id))
      echo.handed(op(id))
    }
    for (let turn = 0; turn < 200 && applied.length < ids.length; turn++) await pass(300)
    expect(applied).toEqual(ids)
  })

  it('are left to the reads of the shadow where more came than are held and the server has them', async () => {
    const { echo, applied, accept, pass } = rig()
    await echo.begin()
    const ids = Array.from({ length: 1_100 }, (_, n) => `op ${n}`)
    for (const id of ids.slice(1_090)) await accept(op(id))
    for (const id of ids) echo.handed(op(id))
    // The user goes on: it is late, and not quiet.
    for (let n = 0; n < 25; n++) {
      echo.handed(op(`busy ${n}`))
      await pass(100)
    }
    expect(applied).toEqual([])
    for (let turn = 0; turn < 20; turn++) await pass(300)
    expect(applied).toEqual(ids.slice(1_090))
  })

  it('are known to be behind until they are applied, one under way included', async () => {
    const { echo, behind, pass, hold } = rig()
    await echo.begin()
    for (const id of ['a', 'b', 'c']) echo.handed(op(id))
    expect(behind()).toEqual(['a', 'b', 'c'])
    const letGo = hold('b')
    await pass(200)
    expect(behind()).toEqual(['b', 'c'])
    letGo()
    await rest()
    expect(behind()).toEqual([])
  })

  it('are known to be behind where more came than are held, until the user is quiet', async () => {
    const { echo, behind, pass } = rig()
    await echo.begin()
    const ids = Array.from({ length: 1_100 }, (_, n) => `op ${n}`)
    for (const id of ids) echo.handed(op(id))
    expect(new Set(behind())).toEqual(new Set(ids))
    await pass(100)
    echo.handed(op('op 7'))
    await pass(199)
    expect(behind()).toHaveLength(ids.length)
    for (let turn = 0; turn < 3; turn++) await pass(200)
    expect(behind()).toEqual([])
  })

  it('come after those that were open before, also where they are handed over meanwhile', async () => {
    const { echo, applied, accept, pass } = rig()
    for (const id of ['a', 'b']) await accept(op(id))
    const begun = echo.begin()
    echo.handed(op('c'))
    await pass(200)
    await begun
    for (let turn = 0; turn < 3; turn++) await pass(200)
    expect(applied).toEqual(['a', 'b', 'c'])
  })

  it('are read again where the op-log did not answer as they were to be', async () => {
    const { echo, applied, accept, behind, pass, log, errors } = rig()
    await echo.begin()
    const ids = Array.from({ length: 1_001 }, (_, n) => `op ${n}`)
    for (const id of ids) await accept(op(id))
    for (const id of ids) echo.handed(op(id))
    const { run } = log
    log.run = () => Promise.reject(new Error('hangs'))
    await pass(200)
    await pass(200)
    expect(new Set(errors)).toEqual(new Set(['hangs']))
    expect(behind()).toHaveLength(ids.length)
    log.run = run
    for (let turn = 0; turn < 20; turn++) await pass(200)
    expect(applied).toEqual(ids)
    expect(behind()).toEqual([])
  })

  it('end with the shadow', async () => {
    const { echo, applied, pass, end } = rig()
    await echo.begin()
    echo.handed(op('a'))
    end()
    await pass(1_000)
    expect(applied).toEqual([])
  })
})
