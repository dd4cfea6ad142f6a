import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { layBallast, withRoom } from '../../src/engine/ballast.js'
import { readControl } from '../../src/engine/control.js'
import { createCoordinator } from '../../src/engine/coordinator.js'
import { GraySyncError } from '../../src/model/errors.js'
import { connectControl } from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'

const FULL = new GraySyncError('QUOTA', 'full')

const open = () => {
  const tab = createWorld({ indexedDB: new IDBFactory() }).tab()
  const connection = connectControl(tab)
  const bytes = () =>
    connection.run(async (db) =>
      (await db.getAll('ballast')).reduce((sum, row) => sum + row.bytes.length, 0),
    )
  return { tab, connection, bytes }
}

describe('the ballast', () => {
  it('is 128 KB, laid once and put back', async () => {
    const { tab, connection, bytes } = open()
    await layBallast(connection, tab)
    await layBallast(connection, tab)
    expect(await bytes()).toBe(131_072)
    await connection.run((db) => db.clear('ballast'))
    await layBallast(connection, tab)
    expect(await bytes()).toBe(131_072)
    connection.close()
  })

  it('goes to let through what must get through on a full disk', async () => {
    const { tab, connection, bytes } = open()
    await layBallast(connection, tab)
    const written = await withRoom(connection, async () => {
      if ((await bytes()) > 0) throw new GraySyncError('QUOTA', 'full')
      return 'written'
    })
    expect(written).toBe('written')
    connection.close()
  })

  it.each([
    ['commit', 'refactored'],
    ['abort', 'legacy'],
  ] as const)('lets the %s of a handover through on a full disk', async (step, owner) => {
    const disk = createFaultyFactory()
    const tab = createWorld({ indexedDB: disk.factory }).tab()
    const connection = connectControl(tab)
    await layBallast(connection, tab)
    const coordinator = createCoordinator({
      platform: tab,
      control: connection,
      id: 'h1',
      from: 'legacy',
      to: 'refactored',
      claim: 1,
      term: 0,
      onStep: () => {},
    })
    await coordinator.prepare()
    await coordinator.fence()
    await coordinator.saved({})
    await coordinator.imported({})
    let hasRoom = false
    disk.full = (stores) => {
      hasRoom ||= stores.contains('ballast')
      return !hasRoom
    }
    await (step === 'commit' ? coordinator.commit() : coordinator.abort(FULL))
    expect(await readControl(connection)).toMatchObject({ owner, phase: 'stable' })
    connection.close()
  })

  it('stays where something else is wrong', async () => {
    const { tab, connection, bytes } = open()
    await layBallast(connection, tab)
    const failing = withRoom(connection, () => Promise.reject(new GraySyncError('STORE', 'gone')))
    await expect(failing).rejects.toMatchObject({ code: 'STORE' })
    expect(await bytes()).toBe(131_072)
    connection.close()
  })
})
