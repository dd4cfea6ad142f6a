import { expect, it } from 'vitest'
import { connectControl } from '../../src/store/control.js'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, type Profile, pass, put, queued, rest } from '../support/session.js'

const keys = await makeKeys()
await import('../../src/client/patrol.js')
const DAY_MS = 86_400_000

it.each([1, 31])(
  'a queue that can be read again after %i days brings back nothing that was acknowledged',
  async (days) => {
    const profile = createProfile()
    const { legacy, refactored } = profile.engines
    const open = async (change: object) => {
      const gray = profile.open({
        rollout: { keys: [keys.public], bootstrap: await sign(keys, change) },
      })
      void gray.start()
      while (gray.getSnapshot().phase !== 'running') {
        await rest()
        profile.world.advance(1_000)
      }
      return gray
    }
    const before = await open({ version: 1, stages: [{ name: 'all', share: 0 }] })
    await before.enqueue(put('z'))
    await expect.poll(() => queued(legacy)).toHaveLength(1)
    legacy.acknowledge()
    await expect.poll(() => before.openOperations()).toEqual([])
    await before.close()
    const there = await open({ version: 2 })
    expect(there.getSnapshot()).toMatchObject({ running: 'refactored' })
    const first = await there.enqueue(put('a', 'old'))
    await expect.poll(() => queued(refactored)).toEqual([first.opId])
    await there.close()
    // The way back can't read the queue of refactored: it is left as it is, and the op-log has the operation.
    const { exporter } = refactored.queue ?? {}
    if (!exporter) throw new Error('none')
    const { read } = exporter
    exporter.read = () => Promise.reject(new Error('broken'))
    const back = await open({ version: 3, kill: true })
    expect(back.getSnapshot()).toMatchObject({ running: 'legacy' })
    await expect.poll(() => queued(legacy)).toEqual([first.opId])
    legacy.acknowledge()
    await back.enqueue(put('a', 'new'))
    await expect.poll(() => queued(legacy)).toHaveLength(1)
    legacy.acknowledge()
    await expect.poll(() => back.openOperations()).toEqual([])
    await back.close()
    // Later a build comes whose adapter can read it.
    profile.world.advance(days * DAY_MS)
    exporter.read = read
    const later = await open({ version: 3, kill: true })
    await pass(profile, 10_000)
    expect(later.getSnapshot()).toMatchObject({ running: 'legacy' })
    expect(queued(refactored)).toEqual([])
    expect(queued(legacy)).toEqual([])
    expect(legacy.disk.rows.get('cards')?.get('a')).toMatchObject({ text: 'new' })
    await later.close()
  },
)

it('a build that has no refactored engine forgets nothing that the queue of that engine may hold', async () => {
  const profile = createProfile()
  const { legacy, refactored } = profile.engines
  const open = async (change: object, more: Parameters<Profile['open']>[0] = {}) => {
    const rollout = { keys: [keys.public], bootstrap: await sign(keys, change) }
    const gray = profile.open({ rollout, subject: { id: 'ann' }, ...more })
    void gray.start()
    while (gray.getSnapshot().phase !== 'running') {
      await rest()
      profile.world.advance(1_000)
    }
    return gray
  }
  const there = await open({ version: 2 })
  expect(there.getSnapshot()).toMatchObject({ running: 'refactored' })
  const first = await there.enqueue(put('a'))
  await expect.poll(() => queued(refactored)).toEqual([first.opId])
  await there.close()
  const { exporter } = refactored.queue ?? {}
  if (!exporter) throw new Error('none')
  const { read } = exporter
  exporter.read = () => Promise.reject(new Error('broken'))
  const back = await open({ version: 3, kill: true })
  expect(back.getSnapshot()).toMatchObject({ running: 'legacy' })
  await expect.poll(() => queued(legacy)).toEqual([first.opId])
  const second = await back.enqueue(put('b'))
  await expect.poll(() => queued(legacy)).toEqual([first.opId, second.opId])
  legacy.acknowledge()
  await expect.poll(() => back.openOperations()).toEqual([])
  // The backups go, and with them what else would hold it.
  await back.identify(null)
  await back.close()
  profile.world.advance(31 * DAY_MS)
  const bare = await open({ version: 3, kill: true }, { engines: { legacy } })
  await pass(profile, 10_000)
  const control = connectControl(profile.world.tab())
  const known = await control.run((db) => db.getAll('oplog'))
  control.close()
  // What came after the way back is in no queue that was left.
  expect(known.map(({ opId }) => opId)).toEqual([first.opId])
  await bare.close()
  exporter.read = read
  const later = await open({ version: 3, kill: true })
  await pass(profile, 10_000)
  expect(queued(refactored)).toEqual([])
  expect(await later.openOperations()).toEqual([])
  await later.close()
})
