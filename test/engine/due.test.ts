import { IDBFactory } from 'fake-indexeddb'
import { afterEach, describe, expect, it } from 'vitest'
import { createDue } from '../../src/engine/due.js'
import { append, settle } from '../../src/engine/oplog.js'
import { type ControlConnection, connectControl } from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'
import { put } from '../support/session.js'

const open: ControlConnection[] = []
afterEach(() => {
  for (const log of open.splice(0)) log.close()
})

function createLog() {
  const log = connectControl(createWorld({ indexedDB: new IDBFactory() }).tab())
  open.push(log)
  const accept = async (opId: string) => {
    const op = { ...put('a'), opId }
    return (await append(log, { op, userId: null, at: 1, applied: false })).row
  }
  return { log, accept }
}

/** Of a log with two operations, both read. */
async function createRead() {
  const { log, accept } = createLog()
  await accept('one')
  await accept('two')
  const due = createDue(log, () => {})
  const read = async () => (await due.read()).map(({ opId }) => opId)
  expect(due.isMissing).toBe(true)
  expect(await read()).toEqual(['one', 'two'])
  expect(due.isMissing).toBe(false)
  expect(await read()).toEqual([])
  return { log, accept, due, read }
}

describe('what is due', () => {
  it('is what was accepted here since, and of that nothing is read again', async () => {
    const { accept, due, read, log } = await createRead()
    due.note(await accept('three'), 1)
    due.note(await accept('four'), 1)
    const { run } = log
    log.run = () => Promise.reject(new Error('it is read'))
    expect(await read()).toEqual(['three', 'four'])
    expect(await read()).toEqual([])
    log.run = run
  })

  it('is all that came since where another tab accepted some, in order and without what has ended', async () => {
    const { log, accept, due, read } = await createRead()
    due.note(await accept('three'), 1)
    await accept('other')
    await accept('gone')
    await settle(log, 'gone', { state: 'acked', by: 'legacy' })
    await accept('strange')
    await settle(log, 'strange', { state: 'quarantine', cause: 'unknown' })
    due.grow()
    expect(await read()).toEqual(['three', 'other', 'strange'])
    expect(await read()).toEqual([])
    due.note(await accept('next'), 1)
    expect(await read()).toEqual(['next'])
  })

  it('is that too where nobody told, and a number lacks', async () => {
    const { accept, due, read } = await createRead()
    await accept('untold')
    due.note(await accept('four'), 1)
    expect(due.isMissing).toBe(false)
    expect(await read()).toEqual(['untold', 'four'])
    due.note(await accept('five'), 1)
    expect(await read()).toEqual(['five'])
  })

  it.each([
    ['that was known before', { seq: 1 }, 1],
    ['of a storage that was cleared meanwhile', { seq: 3 }, 0],
    ['of such a storage, behind another tab’s', { seq: 7 }, 0],
  ])('is everything after one %s', async (_, place, term) => {
    const { accept, due, read } = await createRead()
    const row = await accept('three')
    due.note(row, 1)
    expect(await read()).toEqual(['three'])
    due.note({ ...row, ...place }, term)
    expect(due.isMissing).toBe(true)
    expect(await read()).toEqual(['one', 'two', 'three'])
  })

  it('is everything once anything may have been missed, and nothing twice', async () => {
    const { accept, due, read } = await createRead()
    due.note(await accept('three'), 1)
    due.grow()
    due.miss()
    expect(await read()).toEqual(['one', 'two', 'three'])
    expect(await read()).toEqual([])
  })

  it('is only what is told where there is no op-log', async () => {
    const due = createDue(null, () => {})
    expect(await due.read()).toEqual([])
  })
})
