import { beforeAll, describe, expect, it } from 'vitest'
import { makeKeys, sign, type TestKeys } from '../support/rollout.js'
import { createProfile, inTime, put, queued } from '../support/session.js'

let keys: TestKeys
beforeAll(async () => {
  keys = await makeKeys()
})

describe('a handover that can not be finished', () => {
  it('since its target takes nothing over does not stand in the way back under a kill', async () => {
    const profile = createProfile()
    const { engines } = profile
    const open = async (change: object) =>
      profile.open({
        rollout: { keys: [keys.public], bootstrap: await sign(keys, change) },
      })
    const before = await open({ version: 1, stages: [{ name: 'all', share: 0 }] })
    await before.start()
    const { opId } = await before.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await before.close()
    const broken = () => Promise.reject(new Error('broken'))
    const { importer } = engines.refactored.queue ?? {}
    if (!importer) throw new Error('the fake engine has an importer')
    importer.activate = broken
    const there = await open({ version: 2 })
    expect(await there.start()).toMatchObject({ running: 'refactored', blocked: { by: 'ABORTED' } })
    await there.close()
    const back = await open({ version: 3, kill: true })
    await inTime(profile, back.start())
    expect(back.getSnapshot()).toMatchObject({ running: 'legacy' })
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await back.close()
  })
})
