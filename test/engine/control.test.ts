import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { READER, readControl, stepControl } from '../../src/engine/control.js'
import { readJournal } from '../../src/engine/journal.js'
import type { Control } from '../../src/model/engine.js'
import { type ControlConnection, connectControl } from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'

const open = (indexedDB = new IDBFactory()): ControlConnection =>
  connectControl(createWorld({ indexedDB }).tab())

const STEP = { at: 7, kind: 'test', detail: { of: 'this test' } }
const raiseTerm = (control: Control): Control => ({ ...control, term: control.term + 1 })
const write = (connection: ControlConnection, control: object) =>
  connection.run(async (db) => void (await db.put('control', control as Control)))

describe('the control record', () => {
  it('says legacy, and no term, where nobody has written one', async () => {
    const connection = open()
    expect(await readControl(connection)).toMatchObject({
      owner: 'legacy',
      phase: 'stable',
      flip: 1,
      term: 0,
      handover: null,
      switched: false,
    })
    connection.close()
  })

  it('changes together with its journal entry', async () => {
    const connection = open()
    const changed = await stepControl(connection, STEP, raiseTerm)
    expect(changed).toEqual(await readControl(connection))
    expect(await readJournal(connection)).toEqual({
      entries: [{ seq: 1, ...STEP, handover: null, flip: 1, term: 1 }],
      gaps: [],
    })
    connection.close()
  })

  it('is changed by one of two that saw the same, and the other is told', async () => {
    const factory = new IDBFactory()
    const pair = [open(factory), open(factory)]
    const claim = (connection: ControlConnection) =>
      stepControl(connection, STEP, (control) =>
        control.claim === 0 ? { ...control, claim: 1 } : null,
      )
    const answers = await Promise.all(pair.map(claim))
    expect(answers.filter((answer) => answer === null)).toHaveLength(1)
    expect((await readJournal(pair[0] as ControlConnection)).entries).toHaveLength(1)
    for (const connection of pair) connection.close()
  })

  it('loses no step of many at once', async () => {
    const factory = new IDBFactory()
    const tabs = [open(factory), open(factory), open(factory)]
    await Promise.all(
      Array.from({ length: 30 }, (_, turn) =>
        stepControl(tabs[turn % 3] as ControlConnection, STEP, raiseTerm),
      ),
    )
    const [tab] = tabs as [ControlConnection]
    expect((await readControl(tab)).term).toBe(30)
    const { entries, gaps } = await readJournal(tab)
    expect([entries.length, gaps]).toEqual([30, []])
    for (const connection of tabs) connection.close()
  })

  it('stays with its journal as it was when a refused step had more to write', async () => {
    const connection = open()
    const refused = await stepControl(
      connection,
      STEP,
      () => null,
      async (tx) => void (await tx.objectStore('oplog').clear()),
    )
    expect(refused).toBeNull()
    expect((await readJournal(connection)).entries).toEqual([])
    expect((await readControl(connection)).term).toBe(0)
    connection.close()
  })

  it('stays as it was when the disk is full at the commit', async () => {
    const faulty = createFaultyFactory()
    const connection = open(faulty.factory)
    await stepControl(connection, STEP, raiseTerm)
    faulty.full = true
    await expect(stepControl(connection, STEP, raiseTerm)).rejects.toMatchObject({ code: 'QUOTA' })
    faulty.full = false
    expect((await readControl(connection)).term).toBe(1)
    expect((await readJournal(connection)).entries).toHaveLength(1)
    connection.close()
  })

  it('of a newer build is neither read nor changed, and stays as it is', async () => {
    const connection = open()
    await stepControl(connection, STEP, raiseTerm)
    const newer = { ...(await readControl(connection)), minReader: READER + 1, more: 'of it' }
    await write(connection, newer)
    for (const trying of [readControl(connection), stepControl(connection, STEP, raiseTerm)]) {
      await expect(trying).rejects.toMatchObject({ code: 'NEWER_STATE' })
    }
    expect(await connection.run((db) => db.get('control', 'control'))).toEqual(newer)
    expect((await readJournal(connection)).entries).toHaveLength(1)
    connection.close()
  })

  it('keeps what a newer build added while this one may still read it', async () => {
    const connection = open()
    await write(connection, { ...(await readControl(connection)), added: 'later' })
    expect(await stepControl(connection, STEP, raiseTerm)).toMatchObject({ added: 'later' })
    connection.close()
  })
})

describe('the journal', () => {
  it('shows what is missing in it', async () => {
    const connection = open()
    for (let step = 0; step < 5; step++) await stepControl(connection, STEP, raiseTerm)
    await connection.run(async (db) => {
      await db.delete('journal', 2)
      await db.delete('journal', 4)
    })
    const { entries, gaps } = await readJournal(connection)
    expect(entries.map((entry) => entry.seq)).toEqual([1, 3, 5])
    expect(gaps).toEqual([2, 4])
    connection.close()
  })
})
