import { beforeAll, describe, expect, it } from 'vitest'
import type { GraySync } from '../../src/model/handle.js'
import type { Rollout } from '../../src/model/rollout.js'
import type { RowOperation } from '../../src/testing.js'
import { makeKeys, sign, type TestKeys } from '../support/rollout.js'
import { createProfile, inTime, type Profile, put, queued } from '../support/session.js'
import { awaitSnapshot } from '../support/snapshot.js'

let keys: TestKeys
beforeAll(async () => {
  keys = await makeKeys()
})

const NOBODY: Partial<Rollout> = { version: 1, stages: [{ name: 'all', share: 0 }] }
const KILL: Partial<Rollout> = { version: 3, kill: true }

async function open(profile: Profile, change: Partial<Rollout>): Promise<GraySync<RowOperation>> {
  return profile.open({ rollout: { keys: [keys.public], bootstrap: await sign(keys, change) } })
}

describe('a handover that can not be finished', () => {
  it('since its target takes nothing over does not stand in the way back under a kill', async () => {
    const profile = createProfile()
    const { engines } = profile
    const before = await open(profile, NOBODY)
    await before.start()
    const { opId } = await before.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await before.close()
    const broken = () => Promise.reject(new Error('broken'))
    const { importer } = engines.refactored.queue ?? {}
    if (!importer) throw new Error('the fake engine has an importer')
    importer.activate = broken
    const there = await open(profile, { version: 2 })
    expect(await there.start()).toMatchObject({ running: 'refactored', blocked: { by: 'ABORTED' } })
    await there.close()
    const back = await open(profile, KILL)
    await inTime(profile, back.start())
    // The clock runs away from a busy machine: the start may go on.
    await awaitSnapshot(back, ({ running }) => running === 'legacy')
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await back.close()
  })
})

describe('the way back under a kill', () => {
  /** On refactored, with one operation that is open. */
  async function moved(row: Record<string, unknown>): Promise<{ profile: Profile; opId: string }> {
    const profile = createProfile()
    const before = await open(profile, NOBODY)
    await before.start()
    await before.close()
    const there = await open(profile, { version: 2 })
    await there.start()
    const { opId } = await there.enqueue({ ...put('a'), row })
    await expect.poll(() => queued(profile.engines.refactored)).toEqual([opId])
    await there.close()
    return { profile, opId }
  }

  it('goes through where the engine that is left can not name its tables any more', async () => {
    const { profile, opId } = await moved({ text: 'of refactored' })
    const { legacy, refactored } = profile.engines
    const back = await open(profile, KILL)
    // As a source whose schema is read from the disk, once its database does not open any more.
    Object.defineProperty(refactored.data ?? {}, 'tables', {
      get() {
        throw new Error('no schema until it is open')
      },
    })
    const snapshot = await back.start()
    expect(snapshot).toMatchObject({ running: 'legacy', blocked: { by: 'HANDOVER_VERIFY' } })
    expect(queued(legacy)).toEqual([opId])
    expect([...(legacy.disk.rows.get('cards')?.keys() ?? [])]).toEqual(['a'])
    await back.close()
  })

  it('brings over an operation that holds itself', async () => {
    const row: Record<string, unknown> = { text: 'a graph' }
    row.self = row
    const { profile, opId } = await moved(row)
    const { legacy } = profile.engines
    const back = await open(profile, KILL)
    await back.start()
    expect(back.getSnapshot()).toMatchObject({ running: 'legacy' })
    expect(queued(legacy)).toEqual([opId])
    await back.close()
  })
})

it('the way back of an engine that is given up waits for no other one of the same rollout that failed', async () => {
  const profile = createProfile()
  const { legacy, refactored } = profile.engines
  const there = await open(profile, { version: 2 })
  expect(await there.start()).toMatchObject({ running: 'refactored' })
  await there.prefer('legacy')
  await there.close()
  const { exporter } = refactored.queue ?? {}
  if (!exporter) throw new Error('the fake engine has an exporter')
  exporter.read = () => Promise.reject(new Error('broken'))
  refactored.start = () => Promise.reject(new Error('broken'))
  const asked = await open(profile, { version: 2 })
  const trips: string[] = []
  asked.on('tripped', ({ by }) => trips.push(by))
  await inTime(profile, asked.start())
  // The user's own choice asks for the help of what is left.
  const shown = await awaitSnapshot(asked, ({ phase }) => phase === 'running')
  expect(shown).toMatchObject({ decision: { reason: 'OPTED_OUT' }, running: null })
  await expect.poll(() => trips).toEqual(['start'])
  await asked.close()
  const back = await open(profile, { version: 2 })
  await inTime(profile, back.start())
  await awaitSnapshot(back, ({ running }) => running === 'legacy')
  const { opId } = await back.enqueue(put('a'))
  await expect.poll(() => queued(legacy)).toEqual([opId])
  await back.close()
})
