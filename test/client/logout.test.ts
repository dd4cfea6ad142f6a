import { expect, it } from 'vitest'
import { readManifests } from '../../src/engine/backup.js'
import { connectControl } from '../../src/store/control.js'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, holdClear, put, queued, rest } from '../support/session.js'

const keys = await makeKeys()
await import('../../src/client/desk.js')

/** A profile of legacy with an operation of ann, and a rollout that moves it. */
async function setUp() {
  const profile = createProfile()
  const { engines } = profile
  const first = profile.open({ subject: { id: 'ann' } })
  await first.start()
  await first.enqueue(put('a', 'private'))
  await expect.poll(() => queued(engines.legacy)).toHaveLength(1)
  await first.close()
  const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
  return { profile, ...profile, rollout }
}

it('a user who logs out while a handover goes on leaves no backup behind', async () => {
  const { profile, engines, world, rollout } = await setUp()
  const filling = holdClear(engines.refactored)
  const gray = profile.open({ subject: { id: 'ann' }, rollout }, world.tab())
  const starting = gray.start()
  await filling.begun
  const identified = gray.identify(null)
  await rest()
  filling.goOn()
  await starting
  await identified
  await rest()
  expect(gray.getSnapshot()).toMatchObject({ running: 'refactored' })
  // Somebody else comes and goes as well.
  await gray.identify({ id: 'bob' })
  await gray.identify(null)
  await rest()
  const control = connectControl(world.tab())
  expect((await readManifests(control)).map(({ userId }) => userId)).toEqual([])
  control.close()
  await gray.close()
})

it('a user who logs out before anything was asked of the handle leaves no backup behind', async () => {
  const { profile, world, rollout } = await setUp()
  const moved = profile.open({ subject: { id: 'ann' }, rollout })
  await moved.start()
  expect(moved.getSnapshot()).toMatchObject({ running: 'refactored' })
  await moved.close()
  const gray = profile.open({ subject: { id: 'ann' }, rollout })
  // The session has ended: the app says so before it starts the handle.
  await gray.identify(null)
  await gray.start()
  await rest()
  const control = connectControl(world.tab())
  expect((await readManifests(control)).map(({ userId }) => userId)).toEqual([])
  control.close()
  await gray.close()
})
