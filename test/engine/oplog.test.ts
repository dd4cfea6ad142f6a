import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { adopt } from '../../src/engine/adoption.js'
import { stepControl } from '../../src/engine/control.js'
import { gather } from '../../src/engine/gather.js'
import {
  append,
  appendCaptured,
  copyOperation,
  countOpen,
  findByIds,
  readOpen,
  settle,
} from '../../src/engine/oplog.js'
import type { Control } from '../../src/model/engine.js'
import type { Operation, Pending } from '../../src/model/operation.js'
import { type ControlConnection, connectControl } from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'

const open = (): ControlConnection =>
  connectControl(createWorld({ indexedDB: new IDBFactory() }).tab())

const accept = async (log: ControlConnection, opId: string, at = 1) => {
  const op = { opId, entity: 'cards', entityId: 'a', kind: 'put' }
  return (await append(log, { op, userId: 'ann', at, applied: false })).row
}

const pending = (opId: string): Pending<Operation> => ({
  opId,
  op: { entity: 'cards', entityId: 'a', kind: 'put' },
  userId: null,
  state: 'inflight',
})

const idsOf = async (log: ControlConnection) => (await readOpen(log)).map((row) => row.opId)

describe('append', () => {
  it('numbers operations in the order of acceptance, also of those made at once', async () => {
    const log = open()
    const rows = await Promise.all(['c', 'a', 'b'].map((opId) => accept(log, opId)))
    expect(rows.map((row) => row.seq)).toEqual([1, 2, 3])
    expect(await idsOf(log)).toEqual(['c', 'a', 'b'])
    log.close()
  })

  it('takes an id that is there already for the same operation, whatever came of it', async () => {
    const log = open()
    const first = await accept(log, 'same')
    expect(await accept(log, 'same', 99)).toEqual(first)
    await settle(log, 'same', { state: 'acked', by: 'legacy' })
    expect(await accept(log, 'same')).toMatchObject({ seq: first.seq, state: 'acked' })
    await Promise.all([accept(log, 'twin'), accept(log, 'twin')])
    expect(await idsOf(log)).toEqual(['twin'])
    log.close()
  })

  it('assigns the owner of that moment, legacy before there is a record, and nobody in between', async () => {
    const log = open()
    expect(await accept(log, 'first')).toMatchObject({ assigned: 'legacy', flip: 1 })
    await stepControl(log, { at: 1, kind: 'test' }, (control) => ({
      ...control,
      flip: 8,
      owner: null,
    }))
    expect(await accept(log, 'second')).toMatchObject({ assigned: null, flip: 8 })
    log.close()
  })
})

describe('what was captured', () => {
  it.each([
    ['under the flip that stands, by the owner', { flip: 5, store: 'legacy' }, 5, true],
    ['under an older flip', { flip: 4, store: 'legacy' }, 5, false],
    ['under the flip that stands, by the other engine', { flip: 5, store: 'refactored' }, 5, false],
    ['before any raise and any handover', { flip: 0, store: 'legacy' }, 1, true],
    ['before any raise, and moved after a handover', { flip: 0, store: 'legacy' }, 5, false],
    ['before any raise by the other engine', { flip: 0, store: 'refactored' }, 1, false],
    ['in what both engines share', { flip: 0, store: null }, 5, true],
  ] as const)('%s: whether its effect is there', async (_, { flip, store }, now, applied) => {
    const log = open()
    await stepControl(log, { at: 1, kind: 'test' }, (control) => ({ ...control, flip: now }))
    const op = { entity: 'cards', entityId: 'a', kind: 'put' }
    await appendCaptured(log, [{ seq: 1, opId: 'a', op, userId: null, flip, at: 1 }], store)
    expect(await readOpen(log)).toMatchObject([{ opId: 'a', applied }])
    log.close()
  })
})

describe('an operation and a fence at the same time', () => {
  it.each([
    ['operation', 1, { flip: 1, assigned: 'legacy' }],
    ['fence', 0, { flip: 2, assigned: null }],
  ] as const)('come one after the other: the %s first', async (first, sees, owner) => {
    const log = open()
    await stepControl(log, { at: 1, kind: 'before' }, (control) => control)
    let seen = -1
    const fence = () =>
      stepControl(
        log,
        { at: 1, kind: 'fence' },
        (control) => ({ ...control, flip: 2, owner: null }),
        async (tx) => {
          seen = await tx.objectStore('oplog').count()
        },
      )
    const fencing = first === 'fence' ? fence() : null
    const accepting = accept(log, 'a')
    await (fencing ?? fence())
    expect(await accepting).toMatchObject(owner)
    expect(seen).toBe(sees)
    log.close()
  })
})

describe('settle', () => {
  it.each([
    ['acked', 'dead', 'acked'],
    ['acked', 'open', 'acked'],
    ['acked', 'quarantine', 'acked'],
    ['dead', 'open', 'dead'],
    ['dead', 'quarantine', 'dead'],
    ['dead', 'acked', 'acked'],
    ['quarantine', 'open', 'open'],
    ['quarantine', 'acked', 'acked'],
    ['quarantine', 'dead', 'dead'],
    ['open', 'dead', 'dead'],
  ] as const)('after %s, %s leaves it %s', async (before, then, now) => {
    const ends = {
      acked: { state: 'acked', by: 'legacy' },
      dead: { state: 'dead', cause: 'no' },
      quarantine: { state: 'quarantine', cause: 'unknown' },
      open: { state: 'open', applied: true },
    } as const
    const log = open()
    await accept(log, 'a')
    await settle(log, 'a', ends[before])
    const written = await settle(log, 'a', ends[then])
    expect(written).toMatchObject({ row: { state: now }, changed: before !== now })
    expect((await findByIds(log, ['a']))[0]?.state).toBe(now)
    log.close()
  })

  it('keeps whom the first acknowledgement came through', async () => {
    const log = open()
    await accept(log, 'a')
    expect(await settle(log, 'a', { state: 'acked', by: 'legacy' })).toMatchObject({
      changed: true,
    })
    expect(await settle(log, 'a', { state: 'acked', by: 'refactored' })).toMatchObject({
      row: { by: 'legacy' },
      changed: false,
    })
    log.close()
  })

  it('answers null of what is not known, and writes nothing', async () => {
    const log = open()
    expect(await settle(log, 'never', { state: 'acked', by: 'legacy' })).toBeNull()
    expect(await findByIds(log, ['never'])).toEqual([undefined])
    log.close()
  })
})

describe('adopt', () => {
  it('takes what an engine queued by itself, once, and leaves what is known as it is', async () => {
    const log = open()
    await accept(log, 'known')
    await accept(log, 'done')
    await settle(log, 'done', { state: 'acked', by: 'legacy' })
    const queue = ['known', 'done', 'own'].map(pending)
    await adopt(log, queue, { at: 50 })
    await adopt(log, queue, { at: 60 })
    expect(await readOpen(log)).toMatchObject([
      { opId: 'known', userId: 'ann', adopted: false, applied: false },
      {
        opId: 'own',
        userId: null,
        adopted: true,
        applied: true,
        acceptedAt: 50,
        op: { opId: 'own' },
      },
    ])
    log.close()
  })
})

describe('a queue that holds an id twice', () => {
  it('gives one operation, as it was queued last', async () => {
    const log = open()
    const again = { ...pending('a'), userId: 'ann' }
    await adopt(log, [pending('a'), pending('b'), again], { at: 9 })
    const rows = await readOpen(log)
    expect(rows.map(({ opId, userId }) => [opId, userId])).toEqual([
      ['a', 'ann'],
      ['b', null],
    ])
    log.close()
  })
})

describe('a coordinator that stood still', () => {
  it('adopts nothing once another tab took the handover: what it read may be sent by now', async () => {
    const log = open()
    const writer = { at: 1, kind: 'writer' }
    await stepControl(log, writer, (control) => ({ ...control, claim: 7 }))
    const under = (claim: number) => ({
      at: 50,
      isMine: (control: Control) => control.claim === claim,
    })
    await expect(adopt(log, [pending('own')], under(6))).rejects.toMatchObject({ code: 'FENCED' })
    expect(await readOpen(log)).toEqual([])
    await expect(gather(log, [pending('own')], under(6))).rejects.toMatchObject({ code: 'FENCED' })
    expect(await readOpen(log)).toEqual([])
    await adopt(log, [pending('own')], under(7))
    expect(await readOpen(log)).toMatchObject([{ opId: 'own' }])
    log.close()
  })
})

describe('the place of what is adopted', () => {
  const adoptAll = (log: ControlConnection, ...opIds: string[]) =>
    adopt(log, opIds.map(pending), { at: 50 })

  it('is the one that it has in the queue', async () => {
    const log = open()
    for (const opId of ['b', 'd', 'waits']) await accept(log, opId)
    await adoptAll(log, 'a', 'b', 'c1', 'c2', 'd', 'e')
    expect(await idsOf(log)).toEqual(['a', 'b', 'c1', 'c2', 'd', 'e', 'waits'])
    await adoptAll(log, 'a', 'a2', 'b', 'e', 'e2')
    expect(await idsOf(log)).toEqual(['a', 'a2', 'b', 'c1', 'c2', 'd', 'e', 'e2', 'waits'])
    await accept(log, 'new')
    expect((await idsOf(log)).at(-1)).toBe('new')
    log.close()
  })

  it('is before all that waits where the queue holds nothing that is known', async () => {
    const log = open()
    await accept(log, 'done')
    await settle(log, 'done', { state: 'acked', by: 'legacy' })
    await accept(log, 'waits')
    await adoptAll(log, 'a', 'b')
    expect(await idsOf(log)).toEqual(['a', 'b', 'waits'])
    log.close()
  })

  it('is the end of a log in which nothing waits, however much there is of it', async () => {
    const log = open()
    const many = Array.from({ length: 300 }, (_, n) => `old-${n}`)
    await adoptAll(log, ...many)
    await accept(log, 'new')
    expect(await idsOf(log)).toEqual([...many, 'new'])
    log.close()
  })
})

describe('what is open', () => {
  it('is what no server has acknowledged and nobody gave up, in order, with the age of the oldest', async () => {
    const log = open()
    expect(await countOpen(log)).toEqual({ count: 0 })
    for (const [at, opId] of ['unknown', 'acked', 'dead', 'open'].entries()) {
      await accept(log, opId, 10 + at)
    }
    await settle(log, 'acked', { state: 'acked', by: 'legacy' })
    await settle(log, 'dead', { state: 'dead', cause: 'no' })
    expect(await countOpen(log)).toEqual({ count: 2, oldestAt: 10 })
    await settle(log, 'unknown', { state: 'quarantine', cause: 'unknown' })
    expect(await idsOf(log)).toEqual(['unknown', 'open'])
    expect(await countOpen(log)).toEqual({ count: 2, oldestAt: 10 })
    log.close()
  })
})

describe('an operation', () => {
  it.each([
    [undefined, 'operation: '],
    ['text', 'operation: '],
    [{ entity: 'a', entityId: 'b', kind: 'c', opId: 5 }, 'operation.opId: '],
    [{ entity: 'a', entityId: 'b', kind: 'c', row: { run() {} } }, 'operation: it can’t be stored'],
  ])('of %j is refused by the name of its field', (op, field) => {
    expect(() => copyOperation(op as Operation)).toThrow(
      expect.objectContaining({ code: 'OPTION' }),
    )
    expect(() => copyOperation(op as Operation)).toThrow(field)
  })
})
