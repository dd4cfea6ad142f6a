import { describe, expect, it } from 'vitest'
import { readManifests } from '../../src/engine/backup.js'
import { connectControl } from '../../src/store/control.js'
import type { RowOperation } from '../../src/testing.js'
import { createDexieProfile } from '../support/dexie-profile.js'
import { rest } from '../support/session.js'

/** What an engine's queue holds: which row, and its text. */
const sent = (queue: readonly { op: RowOperation }[]) =>
  queue.map(({ op }) => [op.entityId, op.row?.text])

describe('a captured write around a handover', () => {
  it('of before the fence is in the snapshot, though nobody had moved it to the op-log', async () => {
    const { load, engines } = await createDexieProfile()
    const first = await load('legacy')
    await first.legacy.cards.bulkPut([
      { id: 'a', text: '1' },
      { id: 'b', text: '1' },
    ])
    first.legacy.close()
    const second = await load('refactored')
    await second.legacy.open()
    await second.gray.start()
    expect(await second.refactored.cards.toArray()).toEqual([
      { id: 'a', text: '1' },
      { id: 'b', text: '1' },
    ])
    expect(sent(engines.refactored.fake.disk.queue)).toEqual([
      ['a', '1'],
      ['b', '1'],
    ])
    await second.leave()
  })

  it('of while the target is filled is in the snapshot and its backup', async () => {
    const { load, engines, world } = await createDexieProfile()
    const first = await load('legacy')
    await first.gray.start()
    await first.legacy.cards.put({ id: 'a', text: '1' })
    await expect.poll(() => engines.legacy.fake.disk.queue.length).toBe(1)
    first.tab.kill()
    // A page whose handle moves nothing by itself yet, and whose user goes on.
    const other = await load('legacy')
    const second = await load('refactored')
    const { data } = engines.legacy
    if (!data) throw new Error('no data')
    const { page } = data
    data.page = async (...args) => {
      data.page = page
      await other.legacy.cards.put({ id: 'b', text: '2' })
      return page(...args)
    }
    await second.gray.start()
    const control = connectControl(world.tab())
    const [manifest] = await readManifests(control)
    expect(manifest).toMatchObject({ operations: 2, rows: 2 })
    expect(await second.refactored.cards.count()).toBe(2)
    await expect
      .poll(() => sent(engines.refactored.fake.disk.queue))
      .toEqual([
        ['a', '1'],
        ['b', '2'],
      ])
    control.close()
    await second.leave()
    first.legacy.close()
    other.legacy.close()
  })

  it('of inside the fence is taken, carried over, and redone in the store of the next owner', async () => {
    const { load, engines } = await createDexieProfile()
    const first = await load('legacy')
    await first.gray.start()
    await first.legacy.cards.put({ id: 'a', text: '1' })
    await expect.poll(() => engines.legacy.fake.disk.queue.length).toBe(1)
    // Another page of the app, whose user goes on.
    first.tab.kill()
    const { data } = engines.legacy
    const second = await load('refactored')
    const isFenced = () => {
      const snapshot = second.gray.getSnapshot()
      return snapshot.phase === 'handover' && snapshot.step === 'fenced'
    }
    const writes = [
      { id: 'a', text: '2' },
      { id: 'b', text: '3' },
    ]
    if (data) {
      const { page } = data
      data.page = async (...args) => {
        // The stores are compared, once and again after they were made equal: nobody owns the profile here.
        const row = isFenced() && writes.shift()
        if (row) await first.legacy.cards.put(row)
        return page(...args)
      }
    }
    await second.gray.start()
    expect(second.gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    expect(writes).toEqual([])
    await expect
      .poll(() => sent(engines.refactored.fake.disk.queue))
      .toEqual([
        ['a', '1'],
        ['a', '2'],
        ['b', '3'],
      ])
    expect(await second.refactored.cards.toArray()).toEqual([
      { id: 'a', text: '2' },
      { id: 'b', text: '3' },
    ])
    await second.leave()
    first.legacy.close()
  })

  it('comes before what the next owner takes on the same row', async () => {
    const { load, engines } = await createDexieProfile()
    const first = await load('legacy')
    // The databases are forwarded in the order in which they were met.
    await first.refactored.open()
    await first.gray.start()
    await first.legacy.cards.put({ id: 'a', text: '1' })
    await expect.poll(() => engines.legacy.fake.disk.queue.length).toBe(1)
    first.tab.kill()
    // A page whose handle moves nothing by itself yet.
    const other = await load('legacy')
    const second = await load('refactored')
    const { queue } = engines.refactored
    if (queue?.importer) {
      const { stage, activate } = queue.importer
      queue.importer.stage = async (...given) => {
        await expect(second.refactored.cards.put({ id: 'a', text: 'early' })).rejects.toThrow(
          'legacy owns the profile',
        )
        await other.legacy.cards.put({ id: 'a', text: '2' })
        return stage(...given)
      }
      queue.importer.activate = async (handover) => {
        await second.refactored.cards.put({ id: 'a', text: '3' })
        await activate(handover)
      }
    }
    await second.gray.start()
    await expect
      .poll(() => sent(engines.refactored.fake.disk.queue))
      .toEqual([
        ['a', '1'],
        ['a', '2'],
        ['a', '3'],
      ])
    await second.leave()
    first.legacy.close()
    first.refactored.close()
    other.legacy.close()
  })

  it('comes before it also where the next owner takes one as soon as it may', async () => {
    const { load, engines } = await createDexieProfile()
    const first = await load('legacy')
    // The databases are forwarded in the order in which they were met.
    await first.refactored.open()
    await first.gray.start()
    await first.legacy.open()
    await rest()
    first.tab.kill()
    const other = await load('legacy')
    const second = await load('refactored')
    const writeSoon = async (): Promise<void> => {
      try {
        await second.refactored.cards.put({ id: 'a', text: '2' })
      } catch {
        await new Promise((go) => setImmediate(go))
        return writeSoon()
      }
    }
    let writing = Promise.resolve()
    const { queue } = engines.refactored
    if (!queue?.importer) throw new Error('no importer')
    const { stage } = queue.importer
    queue.importer.stage = async (...given) => {
      await other.legacy.cards.put({ id: 'a', text: '1' })
      writing = writeSoon()
      return stage(...given)
    }
    await second.gray.start()
    await writing
    await expect
      .poll(() => sent(engines.refactored.fake.disk.queue))
      .toEqual([
        ['a', '1'],
        ['a', '2'],
      ])
    await second.leave()
    first.legacy.close()
    first.refactored.close()
    other.legacy.close()
  })

  it('of inside a fence that is taken back stays with the owner before', async () => {
    const { load, engines } = await createDexieProfile()
    const first = await load('legacy')
    await first.gray.start()
    await first.legacy.cards.put({ id: 'a', text: '1' })
    await expect.poll(() => engines.legacy.fake.disk.queue.length).toBe(1)
    first.tab.kill()
    const { queue } = engines.refactored
    if (queue?.importer) {
      queue.importer.stage = async () => {
        await first.legacy.cards.put({ id: 'a', text: '2' })
        throw new Error('of the target')
      }
    }
    const second = await load('refactored')
    await second.gray.start()
    expect(second.gray.getSnapshot()).toMatchObject({ running: 'legacy' })
    await expect
      .poll(() => sent(engines.legacy.fake.disk.queue))
      .toEqual([
        ['a', '1'],
        ['a', '2'],
      ])
    expect(await first.legacy.cards.toArray()).toEqual([{ id: 'a', text: '2' }])
    await second.legacy.cards.put({ id: 'c', text: '3' })
    await expect
      .poll(() => sent(engines.legacy.fake.disk.queue))
      .toEqual([
        ['a', '1'],
        ['a', '2'],
        ['c', '3'],
      ])
    await second.leave()
    first.legacy.close()
  })
})
