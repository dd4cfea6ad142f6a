import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it, vi } from 'vitest'
import { readControl } from '../../src/engine/control.js'
import { readJournal } from '../../src/engine/journal.js'
import { append, findByIds, settle } from '../../src/engine/oplog.js'
import { forgetAcked, type RetentionOptions, retain } from '../../src/engine/retention.js'
import { type ControlConnection, connectControl } from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { writeOnceRead } from '../support/interpose.js'

const DAY = 86_400_000
const NOW = 1_700_000_000_000

/** A profile that was moved, with a backup of two operations and a row. */
async function open(indexedDB = new IDBFactory()) {
  const connection = connectControl(createWorld({ indexedDB }).tab())
  await connection.run(async (db) => {
    await db.put('control', { ...(await readControl(connection)), owner: 'refactored', flip: 3 })
    const parts = [{ table: null }, { table: 'cards' }, { table: null }]
    await db.put('backup', { hid: 'h1', part: 2, value: [{ key: 'a', row: {} }] })
    await db.put('backup', { hid: 'h1', part: 3, value: [{ opId: 'also kept' }] })
    await db.put('backup', { hid: 'h1', part: 0, value: { hid: 'h1', at: NOW, parts } })
    await db.put('backup', { hid: 'h1', part: 1, value: [{ opId: 'kept' }] })
  })
  const retainAt = (day: number, more: Partial<RetentionOptions> = {}) =>
    retain({
      control: connection,
      probation: { days: 7, operations: 2 },
      isTripped: false,
      heardAt: NOW + day * DAY,
      ...more,
    })
  return { connection, retainAt }
}

async function accept(connection: ControlConnection, opId: string, at = NOW): Promise<void> {
  const op = { entity: 'cards', entityId: opId, kind: 'put', opId }
  await append(connection, { op, userId: null, at, applied: true })
}

async function acknowledge(connection: ControlConnection, ...opIds: string[]): Promise<void> {
  for (const opId of opIds) {
    await accept(connection, opId)
    await settle(connection, opId, { state: 'acked', by: 'refactored' })
  }
}

/** Puts so many rows like that of one operation. */
async function repeat(connection: ControlConnection, opId: string, times: number): Promise<void> {
  const [row] = await findByIds(connection, [opId])
  if (!row) throw new Error('none')
  const { seq: _, ...rest } = row
  await connection.run(async (db) => {
    const tx = db.transaction('oplog', 'readwrite')
    for (let at = 0; at < times; at++) {
      await tx.store.add({ ...rest, opId: `${opId} ${at}` } as typeof row)
    }
    await tx.done
  })
}

/** When rows are read for the first time, and how many at once at most. */
function watchRows() {
  let most = 0
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const watched = (['getAll', 'openCursor'] as const).flatMap((name) => [
    [IDBObjectStore.prototype, name],
    [IDBIndex.prototype, name],
  ]) as unknown as [Record<string, (...args: unknown[]) => IDBRequest>, string][]
  const spies = watched.map(([prototype, name]) => {
    const before = prototype[name]
    return vi.spyOn(prototype, name).mockImplementation(function (this: unknown, ...args) {
      if (!before) throw new Error(name)
      const request = before.apply(this, args)
      request.addEventListener('success', () => {
        begin()
        if (Array.isArray(request.result)) most = Math.max(most, request.result.length)
      })
      return request
    })
  })
  const end = () => {
    for (const spy of spies) spy.mockRestore()
    return most
  }
  return { begun, end }
}

const backupsOf = (connection: ControlConnection) => connection.run((db) => db.count('backup'))
const isRetired = async (connection: ControlConnection) =>
  (await readJournal(connection)).entries.some(({ kind }) => kind === 'retired')

describe('probation', () => {
  it('is over after its days and its operations, not before, and says so in the journal', async () => {
    const { connection, retainAt } = await open()
    await retainAt(0)
    await acknowledge(connection, 'a')
    await retainAt(8)
    expect(await isRetired(connection)).toBe(false)
    await acknowledge(connection, 'b')
    await retainAt(6)
    expect(await isRetired(connection)).toBe(false)
    await retainAt(8)
    await retainAt(9)
    const { entries } = await readJournal(connection)
    expect(entries.filter(({ kind }) => kind === 'retired')).toHaveLength(1)
    connection.close()
  })

  it('does not end for an engine that was given up, and begins anew with the next move', async () => {
    const { connection, retainAt } = await open()
    await acknowledge(connection, 'a', 'b')
    await retainAt(0)
    await retainAt(8, { isTripped: true })
    expect(await isRetired(connection)).toBe(false)
    await connection.run(async (db) => {
      await db.put('control', { ...(await readControl(connection)), flip: 7 })
    })
    await acknowledge(connection, 'c', 'd')
    await retainAt(8)
    await retainAt(14)
    expect(await isRetired(connection)).toBe(false)
    await retainAt(15)
    expect(await isRetired(connection)).toBe(true)
    connection.close()
  })
})

describe('the probation of a user who writes little', () => {
  it('ends once enough was sent, although most of it is forgotten by then', async () => {
    const { connection, retainAt } = await open()
    const probation = { days: 7, operations: 50 }
    for (let day = 0; day < 50; day++) {
      await retainAt(day, { probation })
      expect(await isRetired(connection)).toBe(false)
      await accept(connection, `day ${day}`, NOW + day * DAY)
      await settle(connection, `day ${day}`, { state: 'acked', by: 'refactored' })
      await forgetAcked(connection, NOW + (day - 30) * DAY)
    }
    await retainAt(50, { probation })
    expect(await isRetired(connection)).toBe(true)
    connection.close()
  })

  it('asks for operations that were written since the move', async () => {
    const { connection, retainAt } = await open()
    await acknowledge(connection, 'a', 'b')
    await connection.run(async (db) => {
      await db.put('control', { ...(await readControl(connection)), flip: 5 })
    })
    await retainAt(0)
    await forgetAcked(connection, NOW + DAY)
    await acknowledge(connection, 'c')
    await retainAt(8)
    expect(await isRetired(connection)).toBe(false)
    connection.close()
  })
})

describe('the probation of a move that another tab made', () => {
  it('goes on, also where a tab stood still as it began that of the move before', async () => {
    const { connection, retainAt } = await open()
    const trial = { flip: 5, since: NOW, isOver: false, forgotten: 2 }
    await connection.run(async (db) => {
      const moved = writeOnceRead(db, 'probation', trial)
      await retainAt(0)
      await moved
      await db.put('control', { ...(await readControl(connection)), flip: 5 })
    })
    await retainAt(8)
    expect(await isRetired(connection)).toBe(true)
    connection.close()
  })
})

describe('forgetting', () => {
  it('takes what is acknowledged and old, and nothing else', async () => {
    const { connection } = await open()
    const ends = { acked: { state: 'acked', by: 'legacy' }, dead: { state: 'dead', cause: 'no' } }
    for (const at of [9, 10]) {
      for (const end of ['acked', 'dead', 'open'] as const) {
        const opId = `${end}-${at}`
        await accept(connection, opId, at)
        if (end !== 'open')
          await settle(connection, opId, ends[end] as Parameters<typeof settle>[2])
      }
    }
    await forgetAcked(connection, 10)
    const ids = [9, 10].flatMap((at) => [`acked-${at}`, `dead-${at}`, `open-${at}`])
    const left = (await findByIds(connection, ids)).flatMap((row) => row?.opId ?? [])
    expect(left).toEqual(ids.filter((opId) => opId !== 'acked-9'))
    connection.close()
  })

  it('leaves what a backup holds: what is missing here is taken for open there', async () => {
    const { connection } = await open()
    await acknowledge(connection, 'kept', 'a', 'also kept')
    await forgetAcked(connection, NOW + 1)
    const left = await findByIds(connection, ['kept', 'a', 'also kept'])
    expect(left.map((row) => row?.opId)).toEqual(['kept', undefined, 'also kept'])
    connection.close()
  })

  it('holds up nobody who asks for the term, however many are acknowledged', async () => {
    const { connection } = await open()
    await acknowledge(connection, 'a')
    await repeat(connection, 'a', 500)
    const ended: string[] = []
    const end = (what: string) => () => ended.push(what)
    const rows = watchRows()
    const forgetting = forgetAcked(connection, NOW).then(end('forgot'))
    await rows.begun
    rows.end()
    await Promise.all([forgetting, readControl(connection).then(end('read'))])
    expect(ended).toEqual(['read', 'forgot'])
    connection.close()
  })

  it('holds up nobody who appends, however many are acknowledged', async () => {
    const { connection, retainAt } = await open()
    await retainAt(0)
    await acknowledge(connection, 'a')
    await repeat(connection, 'a', 500)
    const works = {
      forgot: () => forgetAcked(connection, NOW),
      counted: () => retainAt(8, { probation: { days: 7, operations: 1_000 } }),
    }
    for (const [what, work] of Object.entries(works)) {
      const ended: string[] = []
      const rows = watchRows()
      const working = work().then(() => ended.push(what))
      await rows.begun
      await accept(connection, `after ${what}`).then(() => ended.push('appended'))
      await working
      expect(ended).toEqual(['appended', what])
      expect(rows.end()).toBeLessThanOrEqual(100)
    }
    connection.close()
  })

  it('leaves what the backup of a handover holds that another tab began meanwhile', async () => {
    const { connection } = await open()
    await acknowledge(connection, 'a')
    await accept(connection, 'b', NOW - DAY)
    const control = await readControl(connection)
    const { getAllKeys } = IDBObjectStore.prototype
    const moved = new Promise<unknown>((resolve) => {
      const spy = vi.spyOn(IDBObjectStore.prototype, 'getAllKeys').mockImplementation(function (
        this: IDBObjectStore,
      ) {
        const request = getAllKeys.call(this)
        spy.mockRestore()
        const move = connection.run(async (db) => {
          const tx = db.transaction(['control', 'oplog', 'backup'], 'readwrite')
          const row = await tx.objectStore('oplog').index('opId').get('b')
          if (!row) throw new Error('none')
          await tx.objectStore('control').put({ ...control, flip: control.flip + 2 })
          const backup = tx.objectStore('backup')
          const parts = [{ table: null }]
          await backup.put({ hid: 'h2', part: 0, value: { hid: 'h2', at: NOW, parts } })
          await backup.put({ hid: 'h2', part: 1, value: [{ opId: 'b' }] })
          await tx.objectStore('oplog').put({ ...row, state: 'acked', by: 'refactored' })
          await tx.done
        })
        resolve(move)
        return request
      })
    })
    await forgetAcked(connection, NOW)
    await moved
    expect((await findByIds(connection, ['b']))[0]).toMatchObject({ state: 'acked' })
    connection.close()
  })

  it('leaves all while a handover is between its fence and its commit', async () => {
    const { connection } = await open()
    await acknowledge(connection, 'a')
    const control = await readControl(connection)
    await connection.run((db) => db.put('control', { ...control, owner: null, phase: 'saved' }))
    await forgetAcked(connection, NOW + 1)
    expect((await findByIds(connection, ['a']))[0]).toMatchObject({ state: 'acked' })
    connection.close()
  })
})

describe('a backup', () => {
  it('goes when the move is retired, thirty days have passed and its operations are acknowledged', async () => {
    const { connection, retainAt } = await open()
    for (const opId of ['kept', 'also kept']) await accept(connection, opId)
    await acknowledge(connection, 'a', 'b')
    await retainAt(0)
    await retainAt(31)
    expect(await backupsOf(connection)).toBe(4)
    await settle(connection, 'kept', { state: 'acked', by: 'refactored' })
    await retainAt(32)
    expect(await backupsOf(connection)).toBe(4)
    await settle(connection, 'also kept', { state: 'acked', by: 'refactored' })
    await retainAt(33)
    expect(await backupsOf(connection)).toBe(0)
    connection.close()
  })

  it('goes also where there is no room to write', async () => {
    const disk = createFaultyFactory()
    const { connection, retainAt } = await open(disk.factory)
    await acknowledge(connection, 'a', 'b', 'kept', 'also kept')
    await retainAt(0)
    await retainAt(8)
    expect(await isRetired(connection)).toBe(true)
    // What only deletes gets through.
    disk.full = (stores) => stores.contains('control')
    await retainAt(31)
    expect(await backupsOf(connection)).toBe(0)
    connection.close()
  })

  it('stays through probation, however old it is', async () => {
    const { connection, retainAt } = await open()
    await retainAt(0)
    await retainAt(400)
    expect(await backupsOf(connection)).toBe(4)
    connection.close()
  })

  it('is as old as upstream’s clock has seen it, whatever date it bears', async () => {
    const { connection, retainAt } = await open()
    await acknowledge(connection, 'a', 'b', 'kept')
    await connection.run(async (db) => {
      await db.put('backup', { hid: 'h1', part: 0, value: { hid: 'h1', at: 0, parts: [] } })
    })
    await retainAt(0)
    await retainAt(29)
    expect(await isRetired(connection)).toBe(true)
    expect(await backupsOf(connection)).toBe(4)
    connection.close()
  })
})

describe('an operation that died', () => {
  it('stays as long as a backup holds it, which would send it once more, and lets that go after ninety days', async () => {
    const { connection, retainAt } = await open()
    await acknowledge(connection, 'a', 'b', 'also kept')
    await accept(connection, 'kept')
    await settle(connection, 'kept', { state: 'dead', cause: 'refused' })
    const stateAt = async (day: number, more?: Partial<RetentionOptions>) => {
      await retainAt(day, more)
      return (await findByIds(connection, ['kept']))[0]?.state
    }
    await stateAt(0)
    expect(await stateAt(100, { isTripped: true })).toBe('dead')
    expect(await backupsOf(connection)).toBe(4)
    expect(await stateAt(80)).toBe('dead')
    expect(await backupsOf(connection)).toBe(4)
    await stateAt(101)
    expect(await backupsOf(connection)).toBe(0)
    expect(await stateAt(102)).toBeUndefined()
    connection.close()
  })

  it('is forgotten after ninety days; an open one never', async () => {
    const { connection, retainAt } = await open()
    await accept(connection, 'open')
    await accept(connection, 'dead')
    await settle(connection, 'dead', { state: 'dead', cause: 'refused' })
    const idsAt = async (day: number) => {
      await retainAt(day)
      return connection.run(async (db) => (await db.getAll('oplog')).map(({ opId }) => opId))
    }
    expect(await idsAt(90)).toEqual(['open', 'dead'])
    expect(await idsAt(91)).toEqual(['open'])
    connection.close()
  })
})
