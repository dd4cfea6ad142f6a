import { describe, expect, it, vi } from 'vitest'
import { adopt } from '../../src/engine/adoption.js'
import { readOpen } from '../../src/engine/oplog.js'
import { createOperations } from '../../src/flows/enqueue.js'
import type { GraySyncError } from '../../src/model/errors.js'
import type { Settled } from '../../src/model/operation.js'
import { type ControlConnection, connectControl } from '../../src/store/control.js'
import type { RowOperation, Tab } from '../../src/testing.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { createProfile, inTime, pass, put, queued, replacePush, rest } from '../support/session.js'
import { passTime } from '../support/time.js'

/** The op-log of a tab in which no engine runs. */
function createAlone(
  platform: Tab,
  control: ControlConnection,
  onSettled: (settled: Settled) => void = () => {},
) {
  return createOperations({
    platform,
    control,
    onSettled,
    userId: () => null,
    adoptNullUser: () => false,
    host: () => null,
    forward: async () => 0,
    tell: () => {},
    onHanded: () => {},
    onChange: () => {},
    onPushed: () => {},
    onError: () => {},
  })
}

describe('an operation that is known already', () => {
  it('is not sent again once it was acknowledged, also by a later session', async () => {
    const { engines, open } = createProfile()
    const before = open()
    await before.start()
    const { settled } = await before.enqueue({ ...put('a'), opId: 'same' })
    await expect.poll(() => queued(engines.legacy)).toEqual(['same'])
    engines.legacy.acknowledge()
    await settled
    await before.close()
    const gray = open()
    await gray.start()
    const again = await gray.enqueue({ ...put('a'), opId: 'same' })
    expect(await again.settled).toMatchObject({ status: 'acked', by: 'legacy' })
    await rest()
    expect(queued(engines.legacy)).toEqual([])
    await gray.close()
  })

  it('is not sent again once it was dead, and says so at once', async () => {
    const { engines, open } = createProfile()
    const gray = open()
    await gray.start()
    await gray.enqueue({ ...put('a'), opId: 'bad' })
    await expect.poll(() => queued(engines.legacy)).toEqual(['bad'])
    engines.legacy.disk.queue.splice(0)
    void engines.legacy.starts[0]?.fail('bad', new Error('no such folder'))
    await expect.poll(() => gray.openOperations()).toEqual([])
    await gray.close()
    const later = open()
    await later.start()
    const { settled } = await later.enqueue({ ...put('a'), opId: 'bad' })
    expect(await settled).toMatchObject({ status: 'dead' })
    await rest()
    expect(queued(engines.legacy)).toEqual([])
    await later.close()
  })

  it('leaves the promise of the first alone when the second is not taken', async () => {
    const { engines, open } = createProfile({ indexedDB: null })
    const gray = open()
    let refuses = false
    replacePush(engines.legacy, async (_, go) => {
      if (refuses) throw new Error('full')
      await go()
    })
    await gray.start()
    const { settled } = await gray.enqueue({ ...put('a'), opId: 'same' })
    refuses = true
    await expect(gray.enqueue({ ...put('a'), opId: 'same' })).rejects.toThrow('refused')
    engines.legacy.acknowledge()
    expect(await settled).toMatchObject({ status: 'acked' })
    await gray.close()
  })
})

describe('an operation that the host changes after it gave it', () => {
  it('is what it was when it was given, in the op-log and in the engine', async () => {
    const { engines, open } = createProfile()
    const gray = open()
    await gray.start()
    const row = { text: 'given' }
    const accepting = gray.enqueue({ entity: 'cards', entityId: 'a', kind: 'put', row })
    row.text = 'changed'
    await accepting
    expect(await gray.openOperations()).toMatchObject([{ op: { row: { text: 'given' } } }])
    await expect
      .poll(() => engines.legacy.disk.queue.map(({ op }) => op.row))
      .toEqual([{ text: 'given' }])
    await gray.close()
  })
})

describe('an engine that misbehaves', () => {
  it('and hangs on one operation gets it again, and the others as well', async () => {
    const { world, engines, open } = createProfile()
    const gray = open()
    let hangs = true
    replacePush(engines.legacy, (_, go) => (hangs ? new Promise<void>(() => {}) : go()))
    await gray.start()
    const codes: string[] = []
    gray.on('error', ({ code }) => codes.push(code))
    const first = await gray.enqueue(put('a'))
    await rest()
    hangs = false
    world.advance(15_000)
    await rest()
    expect(codes).toEqual(['ENGINE_TIMEOUT'])
    world.advance(2_000)
    const second = await gray.enqueue(put('b'))
    // What it hung on goes behind the others.
    await expect.poll(() => queued(engines.legacy)).toEqual([second.opId, first.opId])
    await gray.close()
  })

  it('and refuses an operation gets what comes after it on the same thing behind it', async () => {
    const { world, engines, open } = createProfile()
    const gray = open()
    let refuses = true
    replacePush(engines.legacy, (op, go) =>
      refuses && op.entityId === 'a' && op.row?.text === '1'
        ? Promise.reject(new Error('not now'))
        : go(),
    )
    // Before there is an engine: all are handed over in one pass.
    const ids: string[] = []
    for (const [entityId, text] of [
      ['a', '1'],
      ['a', '2'],
      ['b', '1'],
    ] as const) {
      ids.push((await gray.enqueue(put(entityId, text))).opId)
    }
    await gray.start()
    const [first, behind, other] = ids
    await expect.poll(() => queued(engines.legacy)).toEqual([other])
    refuses = false
    world.advance(2_000)
    await expect.poll(() => queued(engines.legacy)).toEqual([other, first, behind])
    await gray.close()
  })

  it('and holds what it was handed in another life is not handed it again', async () => {
    const { engines, open } = createProfile()
    const before = open()
    await before.start()
    const { opId } = await before.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await before.close()
    const handed: string[] = []
    replacePush(engines.legacy, (op, go) => {
      handed.push(op.opId)
      return go()
    })
    const gray = open()
    await gray.start()
    const next = await gray.enqueue(put('b'))
    await expect.poll(() => handed).toEqual([next.opId])
    await gray.close()
  })

  it('and answers the same at each start is handed once more what it forgot in between', async () => {
    const { world, engines, open } = createProfile()
    let memory: string[] = []
    const running = {
      push: async ({ opId }: { opId: string }) => void memory.push(opId),
      stop() {
        memory = []
      },
    }
    const { queue, ...forgetful } = { ...engines.legacy, start: () => running }
    const tab = world.tab()
    const gray = open({ engines: { ...engines, legacy: forgetful } }, tab)
    await gray.start()
    const { opId } = await gray.enqueue(put('a'))
    await expect.poll(() => memory).toEqual([opId])
    tab.live('pagehide')
    expect(memory).toEqual([])
    tab.live('pageshow')
    await expect.poll(() => memory).toEqual([opId])
    await gray.close()
  })

  it('and hangs is not given one thing after another to hang on in one go', async () => {
    const { world, engines, open } = createProfile()
    const gray = open()
    const tried: string[] = []
    replacePush(engines.legacy, (op) => {
      tried.push(op.entityId)
      return new Promise<void>(() => {})
    })
    await gray.start()
    for (const entityId of ['a', 'b', 'c', 'd', 'e']) await gray.enqueue(put(entityId))
    for (let second = 0; second < 50; second++) {
      await rest()
      world.advance(1_000)
    }
    expect(tried).toEqual(['a', 'b', 'c', 'd'].slice(0, tried.length))
    expect(tried.length).toBeGreaterThan(2)
    await gray.close()
  })

  it('and hangs on one thing for good gets all others', async () => {
    const { world, engines, open } = createProfile()
    const gray = open()
    replacePush(engines.legacy, (op, go) =>
      op.entityId === 'a' ? new Promise<void>(() => {}) : go(),
    )
    await gray.start()
    await gray.enqueue(put('a'))
    const others = [await gray.enqueue(put('b')), await gray.enqueue(put('b', 'later'))]
    for (let second = 0; second < 40; second++) {
      await rest()
      world.advance(1_000)
    }
    expect(queued(engines.legacy)).toEqual(others.map(({ opId }) => opId))
    await gray.close()
  })

  it.each([
    ['can not read its queue', () => Promise.reject(new Error('a row of 2019'))],
    ['hangs as it reads its queue', () => new Promise<never>(() => undefined)],
  ])('and %s is told of once, and gets everything in order, nothing twice', async (_, read) => {
    const profile = createProfile()
    const { engines, open } = profile
    const before = open()
    await before.start()
    const ids = [(await before.enqueue(put('a', '1'))).opId]
    await expect.poll(() => queued(engines.legacy)).toEqual(ids)
    await before.close()
    Object.assign(engines.legacy.queue?.exporter ?? {}, { read })
    const gray = open()
    const told: string[] = []
    gray.on('error', ({ message }) => told.push(message))
    void gray.start()
    for (const text of ['2', '3']) ids.push((await gray.enqueue(put('a', text))).opId)
    await pass(profile, 60_000)
    expect(queued(engines.legacy)).toEqual(ids)
    expect(told).toEqual([expect.stringMatching('engine legacy')])
    await gray.close()
  })

  it('and throws in `knows` gets the operation at the next try', async () => {
    const { world, engines, open } = createProfile()
    engines.legacy.knows = () => {
      throw new Error('not ready')
    }
    const gray = open()
    const { opId } = await gray.enqueue(put('a'))
    await gray.start()
    engines.legacy.knows = () => true
    world.advance(2_000)
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await gray.close()
  })

  it('and speaks twice, too late or of nothing known is heard once', async () => {
    const platform = createProfile().world.tab()
    const control = connectControl(platform)
    const heard: Settled[] = []
    const operations = createAlone(platform, control, (settled) => heard.push(settled))
    const { opId, settled } = await operations.enqueue(put('a'), false, null)
    await operations.ack(opId, 'legacy')
    await operations.ack(opId, 'refactored')
    await operations.fail(opId, new Error('too late'))
    await operations.ack('never seen', 'legacy')
    await operations.fail('never seen', new Error('what'))
    await expect(operations.ack(undefined as never, 'legacy')).rejects.toThrow('operation id')
    expect(heard).toEqual([await settled])
    expect(heard).toMatchObject([{ status: 'acked', by: 'legacy' }])
    await operations.close()
    control.close()
  })

  it('and has sent an operation, but not yet heard of it, does not get it again', async () => {
    const { engines, open } = createProfile()
    const gray = open()
    await gray.start()
    await gray.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toHaveLength(1)
    engines.legacy.disk.queue.splice(0)
    const { opId } = await gray.enqueue(put('b'))
    await gray.identify(null)
    expect(queued(engines.legacy)).toEqual([opId])
    await gray.close()
  })

  it('and fails an operation while it takes it does not get it again', async () => {
    const { engines, open } = createProfile()
    replacePush(engines.legacy, async (op) => engines.legacy.starts.at(-1)?.fail(op.opId, 'no'))
    const gray = open()
    await gray.start()
    const errors: GraySyncError[] = []
    gray.on('error', (error) => errors.push(error))
    const { opId, settled } = await gray.enqueue(put('a'))
    expect(await settled).toMatchObject({ status: 'dead' })
    await rest()
    expect(await gray.openOperations()).toEqual([])
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining(opId)])
    await gray.close()
  })
})

describe('an acknowledgement', () => {
  it('is not lost when the disk is full at that moment', async () => {
    const faulty = createFaultyFactory()
    const { world, engines, open } = createProfile({ indexedDB: faulty.factory })
    const gray = open()
    await gray.start()
    const { settled } = await gray.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toHaveLength(1)
    const codes: string[] = []
    gray.on('error', ({ code }) => codes.push(code))
    faulty.full = true
    engines.legacy.acknowledge()
    await expect.poll(() => codes).toContain('QUOTA')
    faulty.full = false
    world.advance(1_000)
    expect(await settled).toMatchObject({ status: 'acked' })
    expect(await gray.openOperations()).toEqual([])
    await gray.close()
  })
})

describe('what an engine says of an operation', () => {
  it.each(['ack', 'fail'] as const)(
    'by %s is in the op-log once the promise resolves, and not before',
    async (say) => {
      const faulty = createFaultyFactory()
      const { world, engines, open } = createProfile({ indexedDB: faulty.factory })
      const gray = open()
      await gray.start()
      const { opId } = await gray.enqueue(put('a'))
      await expect.poll(() => queued(engines.legacy)).toEqual([opId])
      const codes: string[] = []
      gray.on('error', ({ code }) => codes.push(code))
      faulty.full = true
      let isWritten = false
      const saying = engines.legacy.starts[0]?.[say](opId, new Error('no')).then(() => {
        isWritten = true
      })
      await expect.poll(() => codes).toContain('QUOTA')
      await rest()
      expect(isWritten).toBe(false)
      expect(await gray.openOperations()).toHaveLength(1)
      faulty.full = false
      world.advance(1_000)
      await saying
      expect(await gray.openOperations()).toEqual([])
      await gray.close()
    },
  )

  it('rejects for an engine that waits, and for nobody else, where it can not be written before the close', async () => {
    const faulty = createFaultyFactory()
    const profile = createProfile({ indexedDB: faulty.factory })
    const { engines, open } = profile
    const gray = open()
    await gray.start()
    const { opId } = await gray.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    faulty.full = true
    const ctx = engines.legacy.starts[0]
    void ctx?.fail(opId, new Error('nobody waits for this'))
    const acked = ctx?.ack(opId)
    await rest()
    await Promise.all([
      expect(acked).rejects.toMatchObject({ code: 'QUOTA' }),
      inTime(profile, gray.close()),
    ])
    faulty.full = false
    const next = open()
    await next.start()
    expect(await next.openOperations()).toMatchObject([{ opId }])
    await next.close()
  })
})

describe('operations in a browser without channels', () => {
  it('of a following tab reach the engine, and settle there, within a minute', async () => {
    const { world, engines, open } = createProfile({ channels: false })
    const leader = open()
    await leader.start()
    const follower = open()
    await follower.start()
    const { opId, settled } = await follower.enqueue(put('a'))
    world.advance(30_000)
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    engines.legacy.acknowledge()
    await rest()
    world.advance(30_000)
    expect(await settled).toMatchObject({ status: 'acked' })
    await leader.close()
    await follower.close()
  })
})

describe('operations of one thing from two tabs', () => {
  it('are read when they come, and not with them all that still wait for the server', async () => {
    const { engines, open } = createProfile()
    const [leader, follower] = [open(), open()]
    await leader.start()
    await follower.start()
    const backlog = Array.from({ length: 300 }, (_, n) => leader.enqueue(put('a', String(n))))
    await Promise.all(backlog)
    await expect.poll(() => queued(engines.legacy)).toHaveLength(300)
    await rest()
    // A row that is read is a copy.
    const copied = vi.spyOn(globalThis, 'structuredClone')
    for (let n = 1; n <= 3; n++) {
      await follower.enqueue(put('a', 'follower'))
      await expect.poll(() => queued(engines.legacy)).toHaveLength(300 + 2 * n - 1)
      await leader.enqueue(put('a', 'leader'))
      await expect.poll(() => queued(engines.legacy)).toHaveLength(300 + 2 * n)
    }
    expect(copied.mock.calls.length).toBeGreaterThan(6)
    expect(copied.mock.calls.length).toBeLessThan(300)
    const accepted = (await leader.openOperations()).map(({ opId }) => opId)
    expect(queued(engines.legacy)).toEqual(accepted)
    await leader.close()
    await follower.close()
  })

  it('reach the engine in the order of acceptance, also when nobody tells of the first', async () => {
    const { engines, open } = createProfile({ channels: false })
    const leader = open()
    await leader.start()
    const before = await leader.enqueue(put('b'))
    await expect.poll(() => queued(engines.legacy)).toEqual([before.opId])
    const follower = open()
    await follower.start()
    const first = await follower.enqueue(put('a', 'first'))
    const second = await leader.enqueue(put('a', 'second'))
    await expect.poll(() => queued(engines.legacy)).toHaveLength(3)
    expect(queued(engines.legacy)).toEqual([before.opId, first.opId, second.opId])
    await leader.close()
    await follower.close()
  })
})

describe('an operation that the engine does not know', () => {
  it('holds back what comes after it on the same thing, and goes first once it is known', async () => {
    const { engines, open } = createProfile()
    engines.legacy.knows = (op) => op.kind !== 'paint'
    const gray = open()
    await gray.start()
    const unknown = await gray.enqueue({ ...put('a'), kind: 'paint' })
    const behind = await gray.enqueue(put('a'))
    const other = await gray.enqueue(put('b'))
    await expect.poll(() => queued(engines.legacy)).toEqual([other.opId])
    expect((await gray.openOperations()).map(({ opId }) => opId)).toEqual([
      unknown.opId,
      behind.opId,
      other.opId,
    ])
    await gray.close()
    engines.legacy.knows = () => true
    const later = open()
    await later.start()
    expect(queued(engines.legacy)).toEqual([other.opId, unknown.opId, behind.opId])
    engines.legacy.acknowledge()
    await expect.poll(() => later.openOperations()).toEqual([])
    await later.close()
  })

  it('and that is forgotten holds back nothing any more, also in the page that knew it', async () => {
    const profile = createProfile()
    const { engines, open } = profile
    engines.legacy.knows = ({ kind }) => kind !== 'rename'
    const gray = open()
    await gray.start()
    await gray.enqueue({ ...put('a'), kind: 'rename' })
    await pass(profile, 2_000)
    await gray.forget()
    const { opId } = await gray.enqueue(put('a'))
    await pass(profile, 60_000)
    expect(queued(engines.legacy)).toEqual([opId])
    await gray.close()
  })

  it('holds back those of its own entity and id, whatever stands in their names', async () => {
    const profile = createProfile()
    const { legacy } = profile.engines
    legacy.knows = ({ kind }) => kind !== 'archive'
    const gray = profile.open()
    await gray.start()
    await gray.enqueue({ ...put('2024/budget'), entity: 'files', kind: 'archive' })
    await rest()
    const { opId } = await gray.enqueue({ ...put('budget'), entity: 'files/2024' })
    await pass(profile, 120_000)
    expect(queued(legacy)).toEqual([opId])
    await gray.close()
  })
})

describe('an effect that comes late', () => {
  it('hides nothing newer, also where the page dies before that is handed over again', async () => {
    const { world, engines, open } = createProfile()
    const { legacy } = engines
    const { start } = legacy
    const tab = world.tab()
    const gray = open({}, tab)
    const late = await gray.enqueue(put('a', 'late'))
    legacy.disk.rows.set('cards', new Map([['a', { id: 'a', text: 'newer' }]]))
    const newer = await gray.enqueue(put('a', 'newer'), { applied: true })
    const dying = new Promise<void>((resolve) => {
      replacePush(legacy, async ({ opId }, go) => {
        if (opId === late.opId) return go()
        tab.kill()
        resolve()
        return new Promise(() => {})
      })
    })
    void gray.start()
    await dying
    legacy.start = start
    const next = open()
    await next.start()
    await expect.poll(() => queued(legacy)).toEqual([late.opId, newer.opId])
    expect(legacy.disk.rows.get('cards')?.get('a')).toMatchObject({ text: 'newer' })
    await next.close()
  })
})

describe('an operation that is tried again', () => {
  it('is told as applied still, whatever comes behind it on the same thing', async () => {
    const profile = createProfile()
    const { engines, open } = profile
    const { start } = engines.legacy
    const told: unknown[] = []
    engines.legacy.start = async (ctx) => {
      const running = await start(ctx)
      return {
        ...running,
        async push(op, { applied }) {
          told.push([op.row?.text, applied])
          if (told.length <= 2) throw new Error('not yet')
          await running?.push?.(op, { applied })
        },
      }
    }
    const gray = open()
    await gray.enqueue(put('a', '1'), { applied: true })
    await gray.enqueue(put('a', '2'))
    void gray.start()
    await pass(profile, 10_000)
    expect(told).toEqual([
      ['1', true],
      ['1', true],
      ['1', true],
      ['2', false],
    ])
    await gray.close()
  })
})

describe('an operation that names nothing', () => {
  it('and came with the queue of an engine stands in the way of no other', async () => {
    const profile = createProfile()
    const { engines, open, world } = profile
    const control = connectControl(world.tab())
    const nameless = {
      opId: 'nameless',
      op: {} as RowOperation,
      userId: null,
      state: 'open',
    } as const
    await adopt(control, [nameless], { at: 0 })
    control.close()
    const gray = open()
    await gray.start()
    const { opId } = await gray.enqueue(put('a'))
    await rest()
    expect(queued(engines.legacy)).toEqual(['nameless', opId])
    await gray.close()
  })
})

describe('an operation that is given when the handle closes', () => {
  it('is accepted and in the op-log, or neither, however late the disk answers', async () => {
    const platform = createProfile().world.tab()
    const disk = connectControl(platform)
    let answer = () => {}
    const answered = new Promise<void>((go) => {
      answer = go
    })
    const operations = createAlone(platform, {
      ...disk,
      run: async (work) => {
        const result = await disk.run(work)
        await answered
        return result
      },
    })
    const accepting = operations.enqueue(put('a'), false, null)
    let isClosed = false
    const closing = operations.close().then(() => {
      isClosed = true
    })
    await rest()
    expect(isClosed).toBe(false)
    await expect(operations.enqueue(put('b'), false, null)).rejects.toMatchObject({
      code: 'CLOSED',
    })
    answer()
    const { opId } = await accepting
    await closing
    expect((await readOpen(disk)).map((row) => row.opId)).toEqual([opId])
    disk.close()
  })
})

describe('what an engine said last', () => {
  it('is waited for when the handle closes, within a bound', async () => {
    const faulty = createFaultyFactory()
    const { engines, open, world } = createProfile({ indexedDB: faulty.factory })
    const gray = open()
    await gray.start()
    const { opId } = await gray.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await rest()
    faulty.stalls = 'graysync-control'
    engines.legacy.acknowledge()
    let closed = false
    const closing = gray.close().then(() => {
      closed = true
    })
    await rest()
    expect(closed).toBe(false)
    await passTime(world, closing)
    expect(gray.getSnapshot().phase).toBe('closed')
  })
})
