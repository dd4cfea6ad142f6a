import { expect, it } from 'vitest'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, put, queued, rest } from '../support/session.js'

const keys = await makeKeys()
await import('../../src/client/desk.js')

async function setUp() {
  const profile = createProfile()
  const { engines } = profile
  const none = await sign(keys, { version: 1, stages: [{ name: 'all', share: 0 }] })
  const all = await sign(keys, { version: 2 })
  const before = profile.open({
    rollout: { keys: [keys.public], bootstrap: none },
    subject: { id: 'ann' },
  })
  await before.start()
  const { opId } = await before.enqueue(put('a', '1'))
  await expect.poll(() => queued(engines.legacy)).toEqual([opId])
  await before.close()
  return { profile, engines, all, opId }
}

it('restore() keeps what the user wrote since and no server has', async () => {
  const { profile, engines, all, opId } = await setUp()
  const gray = profile.open({
    rollout: { keys: [keys.public], bootstrap: all },
    subject: { id: 'ann' },
  })
  await gray.start()
  expect(gray.getSnapshot()).toMatchObject({ running: 'refactored' })
  const later = await gray.enqueue(put('a', '2'))
  await expect.poll(() => queued(engines.refactored)).toEqual([opId, later.opId])
  await gray.restore()
  await rest()
  expect(engines.refactored.disk.rows.get('cards')?.get('a')).toMatchObject({ text: '2' })
  await gray.close()
})
