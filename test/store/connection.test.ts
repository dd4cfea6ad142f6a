import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { GraySyncError } from '../../src/model/errors.js'
import { connect } from '../../src/store/connection.js'
import {
  type ControlDatabase,
  connectControl,
  openControl,
  settleFact,
  writeFact,
} from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { rest } from '../support/session.js'

function createTab(indexedDB = new IDBFactory()) {
  return createWorld({ indexedDB }).tab()
}

/** A connection whose openings are counted, and fail for a while. */
function createCounted(indexedDB = new IDBFactory()) {
  const platform = createTab(indexedDB)
  const opened = { count: 0 }
  const failing = { count: 0 }
  const pauses: number[] = []
  const { setTimer } = platform
  platform.setTimer = (run, ms) => {
    // An opening is bounded by 2 seconds: all else is a pause.
    if (ms === 2_000) return setTimer(run, ms)
    pauses.push(ms)
    setImmediate(run)
    return () => {}
  }
  const connection = connect(platform, () => {
    opened.count++
    if (failing.count-- > 0) return Promise.reject(new DOMException('gone', 'UnknownError'))
    return openControl(platform)
  })
  return { connection, opened, failing, pauses }
}

describe('a connection', () => {
  it('opens once, at the first use, for all that use it', async () => {
    const { connection, opened } = createCounted()
    expect(opened.count).toBe(0)
    await Promise.all([1, 2, 3].map(() => connection.run((db) => db.count('control'))))
    expect(opened.count).toBe(1)
    connection.close()
  })

  it.each(['InvalidStateError', 'UnknownError'])(
    'is opened once more when %s says that it is dead, and the work begins anew',
    async (name) => {
      const { connection, opened } = createCounted()
      let runs = 0
      const answer = await connection.run(async (db) => {
        if (++runs === 1) throw new DOMException('gone', name)
        return db.count('control')
      })
      expect([answer, runs, opened.count]).toEqual([0, 2, 2])
      connection.close()
    },
  )

  it('is opened three times more with longer pauses, and then gives up with a code of graysync', async () => {
    const { connection, opened, pauses } = createCounted()
    const work = () => Promise.reject(new DOMException('gone', 'UnknownError'))
    await expect(connection.run(work)).rejects.toMatchObject({
      code: 'STORE',
      cause: { name: 'UnknownError' },
    })
    expect([opened.count, pauses]).toEqual([4, [200, 1_000]])
    connection.close()
  })

  it('that is lost, and does not open again at once, keeps the order in which it is asked to write', async () => {
    const disk = createFaultyFactory()
    const { connection, failing, pauses } = createCounted(disk.factory)
    await connection.run((db) => db.count('control'))
    const order: string[] = []
    const write = (key: string) =>
      connection.run(async (db) => {
        const tx = db.transaction('control', 'readwrite')
        await tx.store.put({ key, value: 1 })
        await tx.done
        order.push(key)
      })
    disk.cut()
    failing.count = 1
    const writing = [write('first'), write('second')]
    while (pauses.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([...writing, write('third')])
    expect(order).toEqual(['first', 'second', 'third'])
    connection.close()
  })

  it('is tried again after an opening that failed', async () => {
    let fails = true
    const platform = createTab()
    const connection = connect(platform, () =>
      fails ? Promise.reject(new GraySyncError('STORE_BLOCKED', 'hangs')) : openControl(platform),
    )
    const count = () => connection.run((db) => db.count('control'))
    await expect(count()).rejects.toMatchObject({ code: 'STORE_BLOCKED' })
    fails = false
    expect(await count()).toBe(0)
    connection.close()
  })

  it('names a full disk', async () => {
    const faulty = createFaultyFactory()
    const connection = connectControl(createTab(faulty.factory))
    faulty.full = true
    const settling = settleFact(connection, 'installation', () => 'a')
    await expect(settling).rejects.toMatchObject({ code: 'QUOTA' })
    faulty.full = false
    expect(await settleFact(connection, 'installation', () => 'b')).toBe('b')
    connection.close()
  })

  it('closes what it opened last also where an opening from before it rested fails late', async () => {
    const tab = createTab()
    let fail = (_: Error) => {}
    const late = new Promise<ControlDatabase>((_, reject) => {
      fail = reject
    })
    const opened: ControlDatabase[] = []
    let isFirst = true
    const connection = connect(tab, async () => {
      if (isFirst) {
        isFirst = false
        return late
      }
      const db = await openControl(tab)
      opened.push(db)
      return db
    })
    const before = connection.run((db) => db.count('control'))
    connection.rest()
    await connection.run((db) => db.count('control'))
    fail(new Error('late'))
    await expect(before).rejects.toThrow('late')
    await connection.run((db) => db.count('control'))
    expect(opened).toHaveLength(1)
    connection.close()
    await rest()
    expect(() => opened[0]?.transaction('control')).toThrow('InvalidStateError')
  })

  it('does nothing more once it is closed', async () => {
    const { connection, opened } = createCounted()
    await connection.run((db) => db.count('control'))
    connection.close()
    await expect(connection.run((db) => db.count('control'))).rejects.toMatchObject({
      code: 'CLOSED',
    })
    expect(opened.count).toBe(1)
  })

  it('throws what is no failure of the store as it is', async () => {
    const { connection } = createCounted()
    const cause = new TypeError('of the caller')
    await expect(connection.run(() => Promise.reject(cause))).rejects.toBe(cause)
    connection.close()
  })

  it('gives way to whoever deletes the database, and comes back afterwards', async () => {
    const factory = new IDBFactory()
    const connection = connectControl(createTab(factory))
    await writeFact(connection, 'a', 1)
    await new Promise((resolve) => {
      factory.deleteDatabase('graysync-control').onsuccess = resolve
    })
    expect(await connection.run((db) => db.count('control'))).toBe(0)
    connection.close()
  })
})

describe('a page that is kept', () => {
  it('ends what it has open, so that no other waits for it, and does it anew', async () => {
    const world = createWorld({ indexedDB: new IDBFactory() })
    const kept = world.tab()
    const [mine, theirs] = [kept, world.tab()].map(connectControl)
    if (!mine || !theirs) throw new Error('two tabs')
    let runs = 0
    const holding = mine.run(async (db) => {
      const tx = db.transaction('control', 'readwrite')
      await tx.store.put({ key: 'a', value: ++runs })
      // It has more to do, and does not get to it.
      while (runs === 1) await tx.store.get('a')
      await tx.done
    })
    await rest()
    const other = writeFact(theirs, 'b', 1)
    kept.live('kept')
    await other
    await holding
    expect(await theirs.run((db) => db.get('control', 'a'))).toEqual({ key: 'a', value: 2 })
    for (const connection of [mine, theirs]) connection.close()
  })

  it('does nothing to a database that is closed', async () => {
    const tab = createTab()
    const db = await openControl(tab)
    const tx = db.transaction('control', 'readwrite')
    await tx.store.put({ key: 'a', value: 1 })
    db.close()
    tab.live('kept')
    await tx.done
    expect(tx.error).toBeNull()
  })
})

describe('a transaction that dies while nobody waits for its end', () => {
  it('is no failure of the page', async () => {
    const failures: unknown[] = []
    const note = (cause: unknown) => failures.push(cause)
    process.on('unhandledRejection', note)
    const db = await openControl(createTab())
    db.transaction('control', 'readwrite').abort()
    await rest()
    process.off('unhandledRejection', note)
    expect(failures).toEqual([])
    db.close()
  })
})
