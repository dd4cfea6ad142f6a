import { beforeAll, describe, expect, it } from 'vitest'
import { bucketOf, isInShare } from '../../src/decision/bucket.js'
import { readControl } from '../../src/engine/control.js'
import type { Running } from '../../src/model/engine.js'
import type { Events, GraySyncOptions, Snapshot } from '../../src/model/handle.js'
import type { Sink, TelemetryRecord } from '../../src/model/record.js'
import type { Rollout } from '../../src/model/rollout.js'
import { connectControl, writeFact } from '../../src/store/control.js'
import type { FakeEngine, RowOperation } from '../../src/testing.js'
import { makeKeys, type TestKeys } from '../support/rollout.js'
import { awaitEvent, type Client, createServed, type Served, visit } from '../support/served.js'
import { put, queued, replacePush, rest } from '../support/session.js'
import { awaitSnapshot } from '../support/snapshot.js'
import { passTime } from '../support/time.js'

const NOBODY = [{ name: 'all', share: 0 }]
const EVERY_SHADOW: Partial<Rollout> = { stages: NOBODY, shadow: { share: 100_000 } }

let keys: TestKeys
beforeAll(async () => {
  keys = await makeKeys()
})

/** A profile on legacy whose rollout wants a shadow. */
async function createShadowed(
  change: Partial<Rollout> = {},
  more: Partial<GraySyncOptions<RowOperation>> = {},
): Promise<Served> {
  const served = createServed(keys)
  await served.publish({ version: 1, ...EVERY_SHADOW, ...change })
  await visit(served, more)
  return served
}

const rowsOf = (engine: FakeEngine) => [...(engine.disk.rows.get('cards')?.values() ?? [])]

const reach = (served: Served, gray: Client, is: (shadow: Snapshot['shadow']) => boolean) =>
  passTime(
    served.world,
    awaitSnapshot(gray, ({ shadow }) => is(shadow)).then(({ shadow }) => shadow),
    200,
  )

const send = (engine: FakeEngine) =>
  engine.starts.at(-1)?.fetch('https://upstream.test/api/apply', { method: 'POST' })

/** Lets as much time pass as a shadow needs to begin, and twice that. */
const wait = (served: Served) =>
  passTime(
    served.world,
    new Promise<void>((resolve) => void served.world.tab().setTimer(resolve, 10_000)),
    200,
  )

const collect = (records: TelemetryRecord[]): Sink => ({
  async send(batch) {
    records.push(...batch.records)
    return { status: 'accepted' }
  },
})

async function passUntil(served: Served, is: () => boolean): Promise<void> {
  while (!is()) {
    served.world.advance(200)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const isRunning = (shadow: Snapshot['shadow']) => shadow?.state === 'running'
const isOff = (shadow: Snapshot['shadow']) => shadow?.state === 'off'

describe('a shadow', () => {
  it('holds the owner’s rows, takes its operations, and is found equal', async () => {
    const served = await createShadowed()
    const { legacy, refactored } = served.engines
    const gray = served.open()
    await gray.start()
    await gray.enqueue(put('a', 'one'))
    await reach(served, gray, isRunning)
    expect(refactored.starts.map(({ mode }) => mode)).toEqual(['shadow'])
    await gray.enqueue(put('b', 'two'))
    await reach(served, gray, (shadow) => shadow?.applied === 2)
    legacy.acknowledge()
    await rest()
    const shadow = await reach(served, gray, (one) => one?.compared?.rows === 2)
    expect(shadow).toMatchObject({
      engine: 'refactored',
      applied: 2,
      refused: 0,
      errors: 0,
      compared: { rows: 2, missing: 0, extra: 0, changed: 0, paths: [] },
    })
    expect(rowsOf(refactored)).toEqual(rowsOf(legacy))
    expect(refactored.disk.queue).toEqual([])
    await gray.close()
  })

  it('takes what another tab wrote', async () => {
    const served = await createShadowed()
    const gray = served.open()
    await gray.start()
    const follower = served.open()
    expect(await follower.start()).toMatchObject({ role: 'follower' })
    await reach(served, gray, isRunning)
    await follower.enqueue(put('a', 'from a follower'))
    await reach(served, gray, (shadow) => shadow?.applied === 1)
    expect(rowsOf(served.engines.refactored)).toEqual([{ id: 'a', text: 'from a follower' }])
    expect(follower.getSnapshot().shadow).toBeNull()
    await follower.close()
    await gray.close()
  })

  it('is told of by what its store lacks, has too much and holds otherwise, with the field', async () => {
    const served = await createShadowed()
    const { legacy, refactored } = served.engines
    const records: TelemetryRecord[] = []
    const gray = served.open({ consent: 'granted', sink: collect(records) })
    const found: Events['divergenceFound'][] = []
    gray.on('divergenceFound', (event) => found.push(event))
    await gray.start()
    for (const id of ['a', 'b', 'c']) await gray.enqueue(put(id, 'secret text'))
    await reach(served, gray, (shadow) => shadow?.applied === 3)
    legacy.acknowledge()
    await rest()
    const rows = refactored.disk.rows.get('cards')
    rows?.delete('a')
    rows?.set('b', { id: 'b', text: 'spoilt' })
    rows?.set('z', { id: 'z' })
    const shadow = await reach(served, gray, (one) => one?.compared != null)
    expect(shadow?.compared).toMatchObject({
      rows: 4,
      missing: 1,
      extra: 1,
      changed: 1,
      paths: ['cards.text'],
    })
    expect(found.map(({ kind, count }) => `${kind} ${count}`).sort()).toEqual([
      'changed 1',
      'extra 1',
      'missing 1',
    ])
    const names = ['graysync.divergence', 'graysync.shadow']
    const isTold = () => names.every((name) => records.some((record) => record.name === name))
    await passUntil(served, isTold)
    await gray.close()
    const told = records.filter(({ name }) => name === 'graysync.divergence')
    expect(told.map(({ attributes }) => attributes['graysync.divergence.kind']).sort()).toEqual([
      'changed',
      'extra',
      'missing',
    ])
    expect(records.find(({ name }) => name === 'graysync.shadow')?.attributes).toMatchObject({
      'graysync.shadow.engine': 'refactored',
      'graysync.shadow.state': 'running',
      'graysync.shadow.applied': 3,
    })
    expect(JSON.stringify(records)).not.toMatch(/secret|spoilt/)
  })

  it('may read, and no write of it leaves the page', async () => {
    const served = await createShadowed()
    const asked: string[] = []
    const gray = served.open()
    await gray.start()
    await reach(served, gray, isRunning)
    served.world.answer((request) => {
      asked.push(`${request.method} ${new URL(request.url).pathname}`)
      return new Response('{}')
    })
    const ctx = served.engines.refactored.starts.at(-1)
    await expect(send(served.engines.refactored)).rejects.toMatchObject({ code: 'SUSPENDED' })
    expect((await ctx?.fetch('https://upstream.test/api/changes'))?.ok).toBe(true)
    ctx?.ack('nothing')
    ctx?.fail('nothing', new Error('of a shadow'))
    expect(asked).toEqual(['GET /api/changes'])
    await reach(served, gray, (shadow) => shadow?.refused === 3)
    await gray.close()
  })

  it('ends no operation of the owner', async () => {
    const served = await createShadowed()
    const gray = served.open()
    await gray.start()
    await reach(served, gray, isRunning)
    const { opId } = await gray.enqueue(put('a'))
    await reach(served, gray, (shadow) => shadow?.applied === 1)
    const ctx = served.engines.refactored.starts.at(-1)
    ctx?.ack(opId)
    ctx?.fail(opId, new Error('of a shadow'))
    await rest()
    expect(await gray.openOperations()).toMatchObject([{ opId, state: 'open' }])
    await gray.close()
  })

  it('is filled once, and goes on at the next start with what it has', async () => {
    const served = await createShadowed()
    const { legacy, refactored } = served.engines
    const first = served.open()
    await first.start()
    await first.enqueue(put('a'))
    await reach(served, first, (shadow) => shadow?.applied === 1)
    legacy.acknowledge()
    await first.close()
    refactored.disk.rows.get('cards')?.delete('a')
    const second = served.open()
    await second.start()
    const shadow = await reach(served, second, (one) => one?.compared != null)
    expect(shadow?.compared).toMatchObject({ rows: 1, missing: 1 })
    await second.close()
  })

  it('is none in a profile that the rollout does not draw, or that may not run refactored', async () => {
    const without: [string, Partial<Rollout>][] = [
      ['a share of 0', { shadow: { share: 0 } }],
      ['a kill', { kill: true }],
      ['a denied subject', { deny: ['me'] }],
    ]
    for (const [why, change] of without) {
      const subject = { id: 'me' }
      const served = await createShadowed(change, { subject })
      const gray = served.open({ subject })
      await gray.start()
      await wait(served)
      expect([why, gray.getSnapshot().shadow]).toEqual([why, null])
      expect(served.engines.refactored.starts).toEqual([])
      await gray.close()
    }
  })

  it('is none where the user chose legacy', async () => {
    const served = await createShadowed()
    const gray = served.open()
    await gray.prefer('legacy')
    await gray.start()
    await wait(served)
    expect(gray.getSnapshot().shadow).toBeNull()
    await gray.close()
  })

  it('is none for an engine without a store of its own', async () => {
    const served = await createShadowed()
    const { store: _, ...bare } = served.engines.refactored
    const gray = served.open({ engines: { ...served.engines, refactored: bare } })
    await gray.start()
    await wait(served)
    expect(served.engines.refactored.starts).toEqual([])
    await gray.close()
  })

  it('accompanies a move on probation, unless the rollout wants none or the trial is over', async () => {
    const moved: Partial<Rollout> = {
      stages: [{ name: 'all', share: 100_000, probation: { days: 7 } }],
    }
    const cases: [string, Partial<Rollout>, boolean, string | undefined][] = [
      ['on probation', moved, false, 'legacy'],
      ['of another share', { ...moved, shadow: { share: 1 } }, false, 'legacy'],
      ['without one wanted', { ...moved, shadow: { share: 0 } }, false, undefined],
      ['retired', moved, true, undefined],
      ['without a trial', { stages: [{ name: 'all', share: 100_000 }] }, false, undefined],
    ]
    for (const [what, change, isOver, engine] of cases) {
      const served = createServed(keys)
      await served.publish({ version: 1, ...change })
      await visit(served)
      const tab = served.world.tab()
      const gray = served.open({}, tab)
      expect(await gray.start()).toMatchObject({ running: 'refactored' })
      if (isOver) {
        const control = connectControl(tab)
        const { flip } = await readControl(control)
        await writeFact(control, 'probation', { flip, since: 1, isOver })
        await gray.close()
      }
      const next = isOver ? served.open() : gray
      await next.start()
      await wait(served)
      expect([what, next.getSnapshot().shadow?.engine]).toEqual([what, engine])
      await next.close()
    }
  })

  it('is drawn by a hash of its own', async () => {
    const ids = Array.from({ length: 200 }, (_, n) => `subject ${n}`)
    const inShare = (salt: string, id: string) => isInShare(bucketOf(salt, id), 50_000)
    const id = ids.find((one) => inShare('salt/shadow', one) && !inShare('salt', one)) ?? ''
    const other = ids.find((one) => !inShare('salt/shadow', one) && inShare('salt', one)) ?? ''
    for (const [subject, state] of [
      [id, 'running'],
      [other, undefined],
    ] as const) {
      const more = { subject: { id: subject } }
      const served = await createShadowed({ shadow: { share: 50_000 } }, more)
      const gray = served.open(more)
      await gray.start()
      await wait(served)
      expect([subject, gray.getSnapshot().shadow?.state]).toEqual([subject, state])
      await gray.close()
    }
  })
})

describe('an audit that names nothing to compare with', () => {
  it('takes the shadow’s store', async () => {
    const served = await createShadowed()
    const { legacy, refactored } = served.engines
    const gray = served.open()
    await gray.start()
    await gray.enqueue(put('a', 'one'))
    await reach(served, gray, (shadow) => shadow?.applied === 1)
    legacy.acknowledge()
    await rest()
    refactored.disk.rows.get('cards')?.set('a', { id: 'a', text: 'two' })
    const report = await passTime(served.world, gray.audit(), 200)
    expect(report).toMatchObject({ left: 'fake 1', right: 'fake 2', complete: true, clean: false })
    expect(report.divergences).toMatchObject([{ key: 'a', kind: 'changed', paths: ['text'] }])
    await gray.close()
  })

  it('tells of no row that waits to be repeated there, however long, and of any other', async () => {
    const served = await createShadowed()
    const { legacy, refactored } = served.engines
    const gray = served.open()
    await gray.start()
    await gray.enqueue(put('spoilt', 'one'))
    await reach(served, gray, (shadow) => shadow?.applied === 1)
    const { setTimer } = served.world.tab()
    const apply = refactored.store?.apply
    replaceApply(refactored, async (op) => {
      await new Promise<void>((resolve) => setTimer(resolve, 4_000))
      await apply?.(op)
    })
    for (let n = 0; n < 60; n++) await gray.enqueue(put(`late ${n}`))
    await rest()
    legacy.acknowledge()
    await rest()
    expect(await gray.openOperations()).toEqual([])
    refactored.disk.rows.get('cards')?.set('spoilt', { id: 'spoilt', text: 'two' })
    // A difference has to stand for two minutes: by then some wait still.
    const report = await passTime(served.world, gray.audit(), 200)
    expect(report.tables).toMatchObject([{ compared: 1, inFlight: 60 }])
    expect(report.divergences.map(({ key, kind }) => `${key} ${kind}`)).toEqual(['spoilt changed'])
    const shadow = await reach(served, gray, (one) => one?.compared != null)
    expect(shadow?.compared).toMatchObject({ missing: 0, extra: 0, changed: 1 })
    await gray.close()
  })

  it('is refused where no shadow runs, and says how to get one', async () => {
    const served = await createShadowed({ shadow: { share: 0 } })
    const gray = served.open()
    await gray.start()
    await expect(gray.audit()).rejects.toMatchObject({
      code: 'AUDIT',
      message: expect.stringContaining('publish a rollout with a shadow share'),
    })
    await gray.close()
  })
})

describe('a shadow ends', () => {
  it('when the rollout is killed, or wants none any more', async () => {
    for (const change of [{ kill: true }, { shadow: { share: 0 } }]) {
      const served = await createShadowed()
      const gray = served.open()
      await gray.start()
      await reach(served, gray, isRunning)
      const ctx = served.engines.refactored.starts.at(-1)
      await served.publish({ version: 2, ...EVERY_SHADOW, ...change })
      await reach(served, gray, (shadow) => shadow === null)
      expect(ctx?.signal.aborted).toBe(true)
      await expect(ctx?.fetch('https://upstream.test/api/changes')).rejects.toBeDefined()
      expect(gray.getSnapshot()).toMatchObject({ phase: 'running', running: 'legacy' })
      await gray.close()
    }
  })

  it('before a handover, which takes nothing of its store', async () => {
    const served = await createShadowed()
    const { refactored } = served.engines
    const tab = served.world.tab()
    const gray = served.open({}, tab)
    await gray.start()
    await gray.enqueue(put('a', 'of the user'))
    await reach(served, gray, (shadow) => shadow?.applied === 1)
    refactored.disk.rows.get('cards')?.set('ghost', { id: 'ghost' })
    const noticed = awaitEvent(gray, 'rolloutChanged')
    await served.publish({ version: 2, shadow: { share: 100_000 } })
    await passTime(served.world, noticed, 200)
    const order: string[] = []
    const [shadow] = refactored.starts
    shadow?.signal.addEventListener('abort', () => order.push('shadow ended'))
    gray.on('handoverStarted', () => order.push('handover'))
    tab.live('pagehide')
    tab.live('pageshow')
    await awaitSnapshot(gray, ({ running }) => running === 'refactored')
    expect(order).toEqual(['shadow ended', 'handover'])
    expect(rowsOf(refactored)).toEqual([{ id: 'a', text: 'of the user' }])
    expect(refactored.starts.map(({ mode }) => mode)).toEqual(['shadow', 'active'])
    expect(queued(refactored)).toHaveLength(1)
    await gray.close()
  })

  it('with the handle', async () => {
    const served = await createShadowed()
    const gray = served.open()
    await gray.start()
    await reach(served, gray, isRunning)
    await gray.close()
    expect(served.engines.refactored.starts.at(-1)?.signal.aborted).toBe(true)
    expect(gray.getSnapshot().shadow).toBeNull()
  })

  it('with the lead of its tab', async () => {
    const served = await createShadowed()
    const tab = served.world.tab()
    const gray = served.open({}, tab)
    await gray.start()
    await reach(served, gray, isRunning)
    const other = served.open()
    await other.start()
    tab.loseLocks()
    await reach(served, gray, (shadow) => shadow === null)
    expect(served.engines.refactored.starts[0]?.signal.aborted).toBe(true)
    await reach(served, other, isRunning)
    await other.close()
    await gray.close()
  })
})

type Fault = (engine: FakeEngine) => void
const never = () => new Promise<never>(() => undefined)

describe('an engine that fails in shadow', () => {
  const faults: [string, string, Fault][] = [
    [
      'throws at its start',
      'ENGINE_START',
      (engine) => {
        engine.start = () => {
          throw new Error('of the engine')
        }
      },
    ],
    [
      'rejects its start',
      'ENGINE_START',
      (engine) => {
        engine.start = () => Promise.reject(new Error('of the engine'))
      },
    ],
    [
      'hangs at its start',
      'ENGINE_TIMEOUT',
      (engine) => {
        engine.start = never
      },
    ],
    ['throws at each operation', 'ENGINE_START', (engine) => replaceApply(engine, fling)],
    [
      'rejects each operation',
      'ENGINE_START',
      (engine) => replaceApply(engine, () => Promise.reject(new Error('of the engine'))),
    ],
    ['hangs at each operation', 'ENGINE_TIMEOUT', (engine) => replaceApply(engine, never)],
    [
      'writes again and again',
      'SUSPENDED',
      (engine) => replaceApply(engine, () => writeOften(engine)),
    ],
    [
      'can not be filled',
      'ENGINE_START',
      (engine) => {
        if (engine.store) engine.store.hydrate = () => Promise.reject(new Error('of the engine'))
      },
    ],
    [
      'has work in its queue',
      'QUEUE_NOT_EMPTY',
      (engine) => {
        engine.disk.queue.push({ opId: 'old', op: put('old'), userId: null, state: 'open' })
      },
    ],
  ]

  it.each(faults)('is switched off and harms nobody when it %s', async (_, because, fault) => {
    const served = await createShadowed()
    const { legacy, refactored } = served.engines
    fault(refactored)
    const gray = served.open()
    await gray.start()
    const errors: unknown[] = []
    gray.on('error', (error) => errors.push(error))
    const accepted = []
    for (const id of ['a', 'b', 'c', 'd', 'e']) accepted.push(await gray.enqueue(put(id)))
    const off = await reach(served, gray, isOff)
    expect(off).toMatchObject({ state: 'off', because })
    expect(errors).toEqual([])
    expect(gray.getSnapshot()).toMatchObject({
      phase: 'running',
      running: 'legacy',
      role: 'writer',
    })
    legacy.acknowledge()
    const ends = await Promise.all(accepted.map(({ settled }) => settled))
    expect(ends.map(({ status }) => status)).toEqual(Array(5).fill('acked'))
    await gray.close()
  })

  it('stays off at the next start, until another version of it or of the rollout comes', async () => {
    const served = await createShadowed()
    const { refactored } = served.engines
    const { start } = refactored
    let tries = 0
    refactored.start = () => {
      tries++
      throw new Error('of the engine')
    }
    const visitUntil = async (is: typeof isOff) => {
      const gray = served.open()
      await gray.start()
      await reach(served, gray, is)
      await gray.close()
    }
    await visitUntil(isOff)
    await visitUntil(isOff)
    expect(tries).toBe(1)
    await served.publish({ version: 2, ...EVERY_SHADOW })
    await visit(served)
    await visitUntil(isOff)
    expect(tries).toBe(2)
    refactored.start = start
    refactored.version = '3'
    await visitUntil(isRunning)
  })

  it('is not started again once the page died three times at its start', async () => {
    const served = await createShadowed()
    const { refactored } = served.engines
    let tries = 0
    refactored.start = () => {
      tries++
      return never()
    }
    for (let life = 1; life <= 3; life++) {
      const tab = served.world.tab()
      void served.open({}, tab).start()
      await passUntil(served, () => tries === life)
      tab.kill()
    }
    const gray = served.open()
    await gray.start()
    expect(await reach(served, gray, isOff)).toMatchObject({ because: 'ENGINE_TIMEOUT' })
    expect(tries).toBe(3)
    await gray.close()
  })

  it('when it is asked whether it knows an operation gets the others, and counts one error', async () => {
    const served = await createShadowed()
    served.engines.refactored.knows = ({ entityId }) => entityId !== 'bad' || fling()
    const gray = served.open()
    await gray.start()
    for (const id of ['bad', 'a', 'b']) await gray.enqueue(put(id))
    const shadow = await reach(served, gray, (one) => isOff(one) || one?.applied === 2)
    expect(shadow).toMatchObject({ state: 'running', errors: 1 })
    await gray.close()
  })

  it('is given what the user wrote, also where the owner’s engine changes what it is handed', async () => {
    const served = await createShadowed()
    const { legacy, refactored } = served.engines
    replacePush(legacy, async (op, go) => {
      await go()
      Object.assign(op.row ?? {}, { text: 'made ready to be sent' })
    })
    const gray = served.open()
    await gray.start()
    await reach(served, gray, isRunning)
    await gray.enqueue(put('a', 'whole'))
    await reach(served, gray, (shadow) => shadow?.applied === 1)
    expect(rowsOf(refactored)).toEqual([{ id: 'a', text: 'whole' }])
    await gray.close()
  })

  it('spoils nothing by changing what it is given', async () => {
    const served = await createShadowed()
    const { legacy, refactored } = served.engines
    const spoil = (row: Record<string, unknown> | undefined) => {
      if (row) row.text = 'spoilt'
    }
    const { store } = refactored
    if (!store) throw new Error('the fake engine has a store')
    const { hydrate } = store
    store.hydrate = async (table, rows) => {
      for (const row of rows as Record<string, unknown>[]) spoil(row)
      await hydrate(table, rows)
    }
    replaceApply(refactored, async (op) => spoil(op.row as Record<string, unknown> | undefined))
    const gray = served.open()
    await gray.start()
    await gray.enqueue(put('a', 'whole'))
    await rest()
    legacy.acknowledge()
    await rest()
    await gray.enqueue(put('b', 'whole'))
    await reach(served, gray, (shadow) => shadow?.applied === 1)
    expect(rowsOf(legacy)).toEqual([
      { id: 'a', text: 'whole' },
      { id: 'b', text: 'whole' },
    ])
    expect(await gray.openOperations()).toMatchObject([{ op: { row: { text: 'whole' } } }])
    await gray.close()
  })

  it('that never stops holds up neither a handover nor the end', async () => {
    const served = await createShadowed()
    const { refactored } = served.engines
    const { start } = refactored
    refactored.start = async (ctx) => {
      const running = await start(ctx)
      return ctx.mode === 'shadow' ? { ...running, stop: never } : running
    }
    const tab = served.world.tab()
    const gray = served.open({}, tab)
    await gray.start()
    await reach(served, gray, isRunning)
    const noticed = awaitEvent(gray, 'rolloutChanged')
    await served.publish({ version: 2, shadow: { share: 100_000 } })
    await passTime(served.world, noticed, 200)
    tab.live('pagehide')
    tab.live('pageshow')
    await awaitSnapshot(gray, ({ running }) => running === 'refactored')
    await gray.close()
  })
})

function replaceApply(
  engine: FakeEngine,
  apply: (op: RowOperation & { opId: string }) => Promise<void>,
): void {
  if (engine.store) engine.store.apply = apply
}

function fling(): never {
  throw new Error('of the engine')
}

async function writeOften(engine: FakeEngine): Promise<void> {
  for (let time = 0; time < 5; time++) await send(engine)?.catch(() => undefined)
}

describe('planned requests', () => {
  const planOf = (engine: FakeEngine, plan: Running<RowOperation>['plan']) => {
    const { start } = engine
    engine.start = async (ctx) => ({ ...(await start(ctx)), ...(plan && { plan }) })
  }

  it('are held against each other, and told by path', async () => {
    const served = await createShadowed()
    const { legacy, refactored } = served.engines
    const records: TelemetryRecord[] = []
    planOf(legacy, async (op) => [
      { method: 'post', url: '/api/apply', body: JSON.stringify({ id: op.entityId, n: 1 }) },
    ])
    planOf(refactored, async (op) => [
      {
        method: 'POST',
        url: '/api/apply',
        body: { n: op.entityId === 'odd' ? 'secret' : 1, id: op.entityId },
      },
    ])
    const gray = served.open({ consent: 'granted', sink: collect(records) })
    await gray.start()
    await reach(served, gray, isRunning)
    for (const id of ['a', 'odd', 'b']) await gray.enqueue(put(id))
    const shadow = await reach(
      served,
      gray,
      (one) => one?.plans.different === 1 && one.applied === 3,
    )
    expect(shadow?.plans).toEqual({ same: 2, different: 1 })
    const isTold = () => records.some(({ name }) => name === 'graysync.shadow')
    await passUntil(served, isTold)
    expect(records.find(({ name }) => name === 'graysync.shadow')?.attributes).toMatchObject({
      'graysync.shadow.plans.same': 2,
      'graysync.shadow.plans.different': 1,
      'graysync.shadow.plans.paths': '0.body.n',
    })
    expect(JSON.stringify(records)).not.toContain('secret')
    await gray.close()
  })

  it('count as errors where the shadow has none to give, and not where the owner has none', async () => {
    const served = await createShadowed()
    const { legacy, refactored } = served.engines
    planOf(legacy, (op) => (op.entityId === 'a' ? Promise.resolve([]) : Promise.reject(fling)))
    planOf(refactored, (op) => (op.entityId === 'a' ? Promise.reject(fling) : Promise.resolve([])))
    const gray = served.open()
    await gray.start()
    await reach(served, gray, isRunning)
    for (const id of ['a', 'b']) await gray.enqueue(put(id))
    const shadow = await reach(served, gray, (one) => one?.applied === 2)
    expect(shadow).toMatchObject({ errors: 1, plans: { same: 0, different: 0 } })
    await gray.close()
  })
})
