import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { readControl } from '../../src/engine/control.js'
import { readJournal } from '../../src/engine/journal.js'
import { append, settle } from '../../src/engine/oplog.js'
import { type RetentionOptions, retain } from '../../src/engine/retention.js'
import { type ControlConnection, connectControl } from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'

const DAY = 86_400_000
const NOW = 1_700_000_000_000

/** A profile that was moved, with a backup of two operations and a row. */
async function open() {
  const connection = connectControl(createWorld({ indexedDB: new IDBFactory() }).tab())
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
    await retainAt(8)
    await retainAt(14)
    expect(await isRetired(connection)).toBe(false)
    await retainAt(15)
    expect(await isRetired(connection)).toBe(true)
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
