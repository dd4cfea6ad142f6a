import { expect, it } from 'vitest'
import { readManifests } from '../../src/engine/backup.js'
import { connectControl } from '../../src/store/control.js'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, put, queued, rest } from '../support/session.js'

const keys = await makeKeys()
await import('../../src/client/desk.js')

it('a user who logs out while a handover goes on leaves no backup behind', async () => {
  const profile = createProfile()
  const { engines, world } = profile
  const first = profile.open({ subject: { id: 'ann' } })
  await first.start()
  await first.enqueue(put('a', 'private'))
  await expect.poll(() => queued(engines.legacy)).toHaveLength(1)
  await first.close()
  const { store } = engines.refactored
  if (!store) throw new Error('none')
  const { clear } = store
  let go = () => {}
  let isFilling = false
  store.clear = async () => {
    isFilling = true
    await new Promise<void>((open) => {
      go = open
    })
    await clear()
  }
  const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
  const gray = profile.open({ subject: { id: 'ann' }, rollout }, world.tab())
  const starting = gray.start()
  await expect.poll(() => isFilling).toBe(true)
  const identified = gray.identify(null)
  await rest()
  go()
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
  const profile = createProfile()
  const { engines, world } = profile
  const first = profile.open({ subject: { id: 'ann' } })
  await first.start()
  await first.enqueue(put('a', 'private'))
  await expect.poll(() => queued(engines.legacy)).toHaveLength(1)
  await first.close()
  const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
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
