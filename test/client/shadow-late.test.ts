import { expect, it } from 'vitest'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, put, queued, rest } from '../support/session.js'

const keys = await makeKeys()
await import('../../src/client/desk.js')
await import('../../src/client/patrol.js')

it('a shadow whose fill fails after another tab took over leaves the store of the owner alone', async () => {
  const profile = createProfile()
  const { engines, world } = profile
  const { data } = engines.legacy
  if (!data) throw new Error('no data')
  const stages = [{ name: 'all', share: 0 }]
  const shadowed = await sign(keys, { version: 1, stages, shadow: { share: 100_000 } })
  const all = await sign(keys, { version: 2 })
  const tab = world.tab()
  const a = profile.open({ rollout: { keys: [keys.public], bootstrap: shadowed } }, tab)
  await a.start()
  const { opId } = await a.enqueue(put('a', 'of the user'))
  await expect.poll(() => queued(engines.legacy)).toEqual([opId])
  const { page } = data
  let fail = (_: unknown) => {}
  let isReading = false
  data.page = () => {
    isReading = true
    return new Promise((_, reject) => {
      fail = reject
    })
  }
  for (let second = 0; second < 8 && !isReading; second++) {
    world.advance(1_000)
    await rest()
  }
  expect(isReading).toBe(true)
  data.page = page
  // It stands still, and the lock goes to another tab, which hands over.
  tab.hang()
  tab.loseLocks({ unnoticed: true })
  const b = profile.open({ rollout: { keys: [keys.public], bootstrap: all } })
  expect(await b.start()).toMatchObject({ running: 'refactored', role: 'writer' })
  expect(engines.refactored.disk.rows.get('cards')?.get('a')).toMatchObject({ text: 'of the user' })
  // What it read when it stood still was aborted.
  tab.wake()
  fail(new DOMException('gone', 'AbortError'))
  await rest()
  expect(engines.refactored.disk.rows.get('cards')?.get('a')).toMatchObject({ text: 'of the user' })
  await b.close()
  await a.close()
})
