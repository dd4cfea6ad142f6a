import { beforeAll, describe, expect, it } from 'vitest'
import type { Events, Snapshot } from '../../src/model/handle.js'
import type { FakeEngine } from '../../src/testing.js'
import { makeKeys, type TestKeys } from '../support/rollout.js'
import { awaitEvent, type Client, createServed, type Served, visit } from '../support/served.js'
import { awaitSnapshot } from '../support/snapshot.js'
import { passTime } from '../support/time.js'

const NOBODY = [{ name: 'all', share: 0 }]

let keys: TestKeys
beforeAll(async () => {
  keys = await makeKeys()
})

/** Resolves once this tab has taken what is published now. */
async function notice(served: Served, gray: Client): Promise<Events['rolloutChanged']> {
  return passTime(served.world, awaitEvent(gray, 'rolloutChanged'))
}

const send = (engine: FakeEngine) =>
  engine.starts.at(-1)?.fetch('https://upstream.test/api/apply', { method: 'POST' })

const isWriter = (snapshot: Snapshot) => snapshot.phase === 'running' && snapshot.role === 'writer'

const put = (entityId: string) => ({ entity: 'cards', entityId, kind: 'put', row: {} })

/** A leader on refactored and a tab that follows it. */
async function openPair(served: Served) {
  const tab = served.world.tab()
  const leader = served.open({}, tab)
  await leader.start()
  const follower = served.open()
  expect(await follower.start()).toMatchObject({ role: 'follower' })
  return { leader, follower, closeLeader: () => tab.kill() }
}

describe('a session', () => {
  it('keeps its decision and its engine, whatever is published', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: NOBODY })
    await visit(served)
    const gray = served.open()
    const { decision } = await gray.start()
    const wanted: Events['reloadWanted'][] = []
    gray.on('reloadWanted', (event) => wanted.push(event))
    const decided: unknown[] = []
    gray.on('decided', (event) => decided.push(event))
    const steps = [
      [{ version: 2 }, 'refactored', 'wanted'],
      [{ version: 3, stages: NOBODY }, 'legacy', 'none'],
      [{ version: 4 }, 'refactored', 'wanted'],
      [{ version: 5, kill: true }, 'legacy', 'none'],
    ] as const
    for (const [change, engine, reload] of steps) {
      await served.publish(change)
      expect(await notice(served, gray)).toEqual({ version: change.version, engine })
      expect(gray.getSnapshot()).toMatchObject({ running: 'legacy', reload })
      expect(gray.decision).toBe(decision)
    }
    expect(wanted.map(({ to }) => to)).toEqual(['refactored', 'refactored'])
    expect(decided).toEqual([])
    expect(served.engines.refactored.starts).toEqual([])
    await gray.close()
  })

  it('suspends refactored while it is killed, and sends on when the kill is taken back', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1 })
    await visit(served)
    const gray = served.open()
    const { decision } = await gray.start()
    const { refactored } = served.engines
    await served.publish({ version: 2, kill: true })
    await notice(served, gray)
    await expect(send(refactored)).rejects.toMatchObject({ code: 'SUSPENDED' })
    expect(gray.getSnapshot()).toMatchObject({ running: 'refactored', reload: 'wanted' })
    await served.publish({ version: 3 })
    await notice(served, gray)
    expect((await send(refactored))?.ok).toBe(true)
    expect(gray.getSnapshot()).toMatchObject({ running: 'refactored', reload: 'none' })
    expect(gray.decision).toBe(decision)
    await gray.close()
  })

  it('refuses the sends of a killed engine that can not be left', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1 })
    await visit(served)
    await visitOffline(served)
    await served.publish({ version: 2, kill: true })
    await visit(served)
    const { legacy, refactored } = served.engines
    if (!legacy.queue?.importer) throw new Error('no importer')
    legacy.queue.importer.stage = () => Promise.reject(new Error('of the engine'))
    const gray = served.open()
    expect(await gray.start()).toMatchObject({
      running: 'refactored',
      reload: 'none',
      blocked: { by: 'ABORTED' },
      decision: { reason: 'KILLED' },
    })
    await expect(send(refactored)).rejects.toMatchObject({ code: 'SUSPENDED' })
    await gray.close()
  })
})

/** A start and its end by what is cached. */
async function visitOffline(served: Served): Promise<void> {
  served.world.online = false
  const gray = served.open()
  await gray.start()
  await gray.close()
  served.world.online = true
  served.world.advance(60_000)
}

describe('two tabs', () => {
  it('want a reload both, and the one that is left hands over by itself', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: NOBODY })
    await visit(served)
    const { leader, follower, closeLeader } = await openPair(served)
    await served.publish({ version: 2 })
    await Promise.all([notice(served, leader), awaitEvent(follower, 'rolloutChanged')])
    for (const tab of [leader, follower]) {
      expect(tab.getSnapshot()).toMatchObject({ running: 'legacy', reload: 'wanted' })
    }
    const { opId } = await follower.enqueue(put('a'))
    expect(served.engines.refactored.starts).toEqual([])
    closeLeader()
    const snapshot = await awaitSnapshot(follower, isWriter)
    expect(snapshot).toMatchObject({
      running: 'refactored',
      reload: 'none',
      decision: { reason: 'IN_SHARE', version: 2 },
    })
    await expect
      .poll(() => served.engines.refactored.disk.queue.map((row) => row.opId))
      .toEqual([opId])
    await follower.close()
  })

  it('show a reload that is wanted also in a tab that was opened after the news', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: NOBODY })
    await visit(served)
    const leader = served.open()
    await leader.start()
    await served.publish({ version: 2 })
    await notice(served, leader)
    const late = served.open()
    expect(await late.start()).toMatchObject({
      role: 'follower',
      running: 'legacy',
      reload: 'wanted',
    })
    await leader.close()
    await late.close()
  })

  it('stop wanting a reload when a third one has handed over', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: NOBODY })
    await visit(served)
    const { follower, closeLeader } = await openPair(served)
    const third = served.open()
    await third.start()
    await served.publish({ version: 2 })
    await Promise.all([notice(served, follower), awaitEvent(third, 'rolloutChanged')])
    const switched = awaitEvent(third, 'engineSwitched')
    closeLeader()
    await awaitSnapshot(follower, isWriter)
    expect(await switched).toEqual({ from: 'legacy', to: 'refactored' })
    expect(third.getSnapshot()).toMatchObject({
      role: 'follower',
      running: 'refactored',
      reload: 'none',
    })
    await follower.close()
    await third.close()
  })

  it('let legacy send once the one that is left has come back from a killed engine', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1 })
    await visit(served)
    const { follower, closeLeader } = await openPair(served)
    await served.publish({ version: 2, kill: true })
    await notice(served, follower)
    const { opId } = await follower.enqueue(put('a'))
    closeLeader()
    expect(await awaitSnapshot(follower, isWriter)).toMatchObject({
      running: 'legacy',
      reload: 'none',
    })
    expect((await send(served.engines.legacy))?.ok).toBe(true)
    await expect.poll(() => served.engines.legacy.disk.queue.map((row) => row.opId)).toEqual([opId])
    await follower.close()
  })

  it('notice a kill that comes while the one that is left hands over', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: NOBODY })
    await visit(served)
    const { refactored } = served.engines
    let reached = () => {}
    let goOn = () => {}
    const hydrating = new Promise<void>((resolve) => {
      reached = resolve
    })
    const { activate } = refactored.queue?.importer ?? {}
    if (!refactored.queue?.importer || !activate) throw new Error('no importer')
    refactored.queue.importer.activate = async (handover) => {
      reached()
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
      await activate(handover)
    }
    const { follower, closeLeader } = await openPair(served)
    await served.publish({ version: 2 })
    await notice(served, follower)
    closeLeader()
    await hydrating
    await served.publish({ version: 3, kill: true })
    await notice(served, follower)
    goOn()
    expect(await awaitSnapshot(follower, isWriter)).toMatchObject({
      running: 'refactored',
      reload: 'wanted',
    })
    await expect(send(refactored)).rejects.toMatchObject({ code: 'SUSPENDED' })
    await follower.close()
  })

  it('follow the choice that the user made in the other one', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: NOBODY })
    await visit(served)
    const { leader, follower, closeLeader } = await openPair(served)
    expect(await leader.prefer('refactored')).toMatchObject({ reload: 'wanted' })
    await awaitSnapshot(follower, ({ reload }) => reload === 'wanted')
    closeLeader()
    expect(await awaitSnapshot(follower, isWriter)).toMatchObject({
      running: 'refactored',
      decision: { reason: 'OPTED_IN' },
    })
    await follower.close()
  })

  it('want a reload both where the user chose in the one that follows', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: NOBODY })
    await visit(served)
    const { leader, follower } = await openPair(served)
    expect(await follower.prefer('refactored')).toMatchObject({ reload: 'wanted' })
    await awaitSnapshot(leader, ({ reload }) => reload === 'wanted')
    expect(await follower.prefer(null)).toMatchObject({ reload: 'none' })
    await awaitSnapshot(leader, ({ reload }) => reload === 'none')
    await leader.close()
    await follower.close()
  })

  it('want a reload also where the user chose just as another tab told of something', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: NOBODY })
    await visit(served)
    const { leader, follower } = await openPair(served)
    const channel = served.world.tab().channel?.('graysync', () => {})
    channel?.post({ kind: 'control' })
    expect(await leader.prefer('refactored')).toMatchObject({ reload: 'wanted' })
    await awaitSnapshot(follower, ({ reload }) => reload === 'wanted')
    expect(leader.getSnapshot()).toMatchObject({ reload: 'wanted' })
    channel?.close()
    await leader.close()
    await follower.close()
  })

  it('follow that choice also where tabs can not tell each other', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: NOBODY })
    await visit(served)
    const first = served.world.tab()
    const leader = served.open({}, { ...first, channel: null })
    await leader.start()
    const follower = served.open({}, { ...served.world.tab(), channel: null })
    expect(await follower.start()).toMatchObject({ role: 'follower' })
    await leader.prefer('refactored')
    first.kill()
    expect(await awaitSnapshot(follower, isWriter)).toMatchObject({
      running: 'refactored',
      decision: { reason: 'OPTED_IN' },
    })
    await follower.close()
  })

  it('draw the arm anew for another stage', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: NOBODY })
    await visit(served)
    const { leader, follower, closeLeader } = await openPair(served)
    expect([leader, follower].map((tab) => tab.decision?.arm)).toEqual(['control', 'control'])
    await served.publish({
      version: 2,
      stage: 'second',
      stages: [...NOBODY, { name: 'second', share: 100_000 }],
    })
    await notice(served, follower)
    closeLeader()
    const { decision } = await awaitSnapshot(follower, isWriter)
    expect(decision).toMatchObject({ stage: 'second', arm: 'candidate' })
    await follower.close()
  })

  it('pay no attention to each other before they have decided', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, stages: NOBODY })
    await visit(served)
    const leader = served.open()
    await leader.start()
    const channel = served.world.tab().channel?.('graysync', () => {})
    const late = served.open()
    const shown: Snapshot[] = []
    late.subscribe(() => shown.push(late.getSnapshot()))
    const failed: unknown[] = []
    late.on('error', (error) => failed.push(error))
    const starting = late.start()
    const isStarted = starting.then(() => true)
    while (!(await Promise.race([isStarted, Promise.resolve(false)]))) {
      channel?.post({ kind: 'control' })
      channel?.post({ kind: 'accepted' })
      await new Promise((resolve) => setImmediate(resolve))
    }
    const reasons = shown.filter(({ phase }) => phase === 'running').map((s) => s.decision?.reason)
    expect(new Set(reasons)).toEqual(new Set(['OUT_OF_SHARE']))
    expect(failed).toEqual([])
    await leader.close()
    await late.close()
  })
})
