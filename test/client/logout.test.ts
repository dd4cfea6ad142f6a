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

it('a user who logs out while the handover of another one is unfinished leaves the backup of that one', async () => {
  const { profile, engines, world, rollout } = await setUp()
  const { importer } = engines.refactored.queue ?? {}
  if (!importer) throw new Error('the fake engine imports')
  const { activate } = importer
  importer.activate = () => Promise.reject(new Error('not now'))
  const moved = profile.open({ subject: { id: 'ann' }, rollout })
  await moved.start()
  expect(moved.getSnapshot()).toMatchObject({ running: 'refactored' })
  await moved.close()
  // Somebody else comes and goes in the next page, which can't finish it either.
  const gray = profile.open({ subject: { id: 'bob' }, rollout })
  await gray.start()
  await gray.identify(null)
  await gray.close()
  importer.activate = activate
  const later = profile.open({ rollout })
  await later.start()
  await later.identify({ id: 'cid' })
  await later.identify(null)
  await rest()
  const control = connectControl(world.tab())
  expect((await readManifests(control)).map(({ userId }) => userId)).toEqual(['ann'])
  control.close()
  await later.close()
})

it('users who log out while two handovers go on, one after the other, leave no backup behind', async () => {
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
  await gray.identify({ id: 'bob' })
  await gray.close()
  const back = holdClear(engines.legacy)
  const killed = { ...rollout, bootstrap: await sign(keys, { version: 2, kill: true }) }
  const next = profile.open({ subject: { id: 'bob' }, rollout: killed }, world.tab())
  const going = next.start()
  await back.begun
  const left = next.identify(null)
  await rest()
  back.goOn()
  await going
  await left
  expect(next.getSnapshot()).toMatchObject({ running: 'legacy' })
  await next.identify({ id: 'cid' })
  await next.identify(null)
  await rest()
  const control = connectControl(world.tab())
  expect((await readManifests(control)).map(({ userId }) => userId)).toEqual([])
  control.close()
  await next.close()
})
