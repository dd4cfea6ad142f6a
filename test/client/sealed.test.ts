import { describe, expect, it } from 'vitest'
import { readControl } from '../../src/engine/control.js'
import { createCoordinator } from '../../src/engine/coordinator.js'
import { readJournal } from '../../src/engine/journal.js'
import { deriveOperationId } from '../../src/lib/id.js'
import { type ControlConnection, connectControl } from '../../src/store/control.js'
import type { FakeEngine, World } from '../../src/testing.js'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, type Profile, put, queued, rest } from '../support/session.js'

// Loaded after the start, and here beforehand: a test waits for no file.
await import('../../src/client/patrol.js')

const keys = await makeKeys()

/** A profile that was moved to refactored. */
async function move(): Promise<Profile> {
  const profile = createProfile()
  const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
  return { ...profile, open: (more = {}, tab) => profile.open({ rollout, ...more }, tab) }
}

/** What a build that knows nothing of graysync puts into its queue, as the adapter reads it. */
function writeStale(engine: FakeEngine, entityId: string): string {
  const op = put(entityId, 'stale')
  const opId = deriveOperationId('legacy_queue', op, 0)
  engine.disk.queue.push({ opId, op, userId: null, state: 'open' })
  return opId
}

async function goBack(
  control: ControlConnection,
  world: World,
  until: 'fenced' | 'committed',
): Promise<void> {
  const { claim, term } = await readControl(control)
  const coordinator = createCoordinator({
    platform: world.tab(),
    control,
    id: 'back',
    from: 'refactored',
    to: 'legacy',
    claim: claim + 1,
    term,
    onStep: () => {},
  })
  await coordinator.prepare()
  await coordinator.fence()
  if (until === 'fenced') return
  await coordinator.saved({})
  await coordinator.imported({})
  await coordinator.commit()
}

async function readLate(world: World) {
  const { entries } = await readJournal(connectControl(world.tab()))
  return entries.filter(({ kind }) => kind === 'late').map(({ detail }) => detail)
}

describe('what a stale build writes into a queue that was sealed', () => {
  it('is taken at the next start, handed to the owner once, and told by the journal', async () => {
    const { world, engines, open } = await move()
    const before = open()
    expect(await before.start()).toMatchObject({ running: 'refactored' })
    await before.close()
    const opId = writeStale(engines.legacy, 'a')
    const gray = open()
    await gray.start()
    await expect.poll(() => queued(engines.refactored)).toEqual([opId])
    expect(engines.refactored.disk.rows.get('cards')?.get('a')).toMatchObject({ text: 'stale' })
    expect(queued(engines.legacy)).toEqual([])
    expect(await readLate(world)).toEqual([{ from: 'legacy', operations: 1 }])
    engines.refactored.acknowledge()
    await expect.poll(async () => (await gray.openOperations()).length).toBe(0)
    engines.legacy.disk.queue.push({ opId, op: put('a', 'stale'), userId: null, state: 'open' })
    world.advance(300_000)
    await rest()
    expect(queued(engines.refactored)).toEqual([])
    expect(queued(engines.legacy)).toEqual([])
    expect(await readLate(world)).toHaveLength(1)
    await gray.close()
  })

  it('is found every five minutes while the page lives', async () => {
    const { world, engines, open } = await move()
    const gray = open()
    await gray.start()
    await rest()
    const opId = writeStale(engines.legacy, 'a')
    world.advance(299_000)
    await rest()
    expect(queued(engines.refactored)).toEqual([])
    world.advance(1_000)
    await expect.poll(() => queued(engines.refactored)).toEqual([opId])
    const second = writeStale(engines.legacy, 'b')
    await rest()
    world.advance(300_000)
    await expect.poll(() => queued(engines.refactored)).toEqual([opId, second])
    await gray.close()
  })

  it.each(['open', 'dead'] as const)(
    'is left as it is where it is known, and %s',
    async (state) => {
      const { world, engines, open } = await move()
      const gray = open()
      await gray.start()
      const { opId } = await gray.enqueue(put('a'))
      const behind = await gray.enqueue(put('a'))
      await expect.poll(() => queued(engines.refactored)).toEqual([opId, behind.opId])
      if (state === 'dead') await engines.refactored.starts.at(-1)?.fail(opId, 'no')
      const connection = connectControl(world.tab())
      const before = await connection.run((db) => db.getAll('oplog'))
      engines.legacy.disk.queue.push({ opId, op: put('a'), userId: null, state: 'open' })
      await rest()
      world.advance(300_000)
      await expect.poll(() => queued(engines.legacy)).toEqual([])
      expect(await connection.run((db) => db.getAll('oplog'))).toEqual(before)
      expect(before.find((row) => row.opId === opId)).toMatchObject({ seq: 1, state })
      expect(await readLate(world)).toEqual([])
      connection.close()
      await gray.close()
    },
  )

  it('stays where it is while a crash comes between taking it and sealing', async () => {
    const { engines, open } = await move()
    const before = open()
    await before.start()
    await before.close()
    const opId = writeStale(engines.legacy, 'a')
    const exporter = engines.legacy.queue?.exporter
    if (!exporter) throw new Error('the fake engine exports')
    const { seal } = exporter
    exporter.seal = () => Promise.reject(new Error('gone'))
    const first = open()
    await first.start()
    await rest()
    expect(queued(engines.legacy)).toEqual([opId])
    await first.close()
    exporter.seal = seal
    const second = open()
    await second.start()
    await expect.poll(() => queued(engines.legacy)).toEqual([])
    expect(queued(engines.refactored)).toEqual([opId])
    await second.close()
  })

  it.each([
    ['fenced', null],
    ['committed', 'legacy'],
  ] as const)('stays there where the way back was %s by another tab', async (until, owner) => {
    const { world, engines, open } = await move()
    const gray = open()
    await gray.start()
    await rest()
    const opId = writeStale(engines.legacy, 'a')
    const exporter = engines.legacy.queue?.exporter
    if (!exporter) throw new Error('the fake engine exports')
    const { read } = exporter
    const connection = connectControl(world.tab())
    let thawed = false
    // The page stands still with what it has read, while another tab takes the profile from it.
    exporter.read = async () => {
      exporter.read = read
      const stale = await read()
      await goBack(connection, world, until)
      thawed = true
      return stale
    }
    world.advance(300_000)
    await expect.poll(() => thawed).toBe(true)
    await rest()
    expect(await readControl(connection)).toMatchObject({ owner })
    expect(queued(engines.legacy)).toEqual([opId])
    expect(await gray.openOperations()).toEqual([])
    await gray.close()
  })

  it('is left alone on a profile that was never moved', async () => {
    const { engines, open } = createProfile()
    engines.refactored.disk.queue.push({ opId: 'x', op: put('a'), userId: null, state: 'open' })
    const gray = open()
    await gray.start()
    await rest()
    expect(queued(engines.refactored)).toEqual(['x'])
    expect(await gray.openOperations()).toEqual([])
    await gray.close()
  })
})
