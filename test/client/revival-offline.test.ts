import { afterEach, describe, expect, it, vi } from 'vitest'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, pass, rest } from '../support/session.js'

const MODULES = ['../../src/client/patrol.js', '../../src/client/desk.js']
const keys = await makeKeys()

afterEach(() => {
  for (const module of MODULES) vi.doUnmock(module)
})

describe('databases that answer after the start, where code can not be loaded', () => {
  it.each(MODULES)('let the page begin anew once %s can be', async (module) => {
    const disk = createFaultyFactory()
    const profile = createProfile({ indexedDB: disk.factory })
    const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
    const before = profile.open({ rollout })
    expect(await before.start()).toMatchObject({ running: 'refactored' })
    await before.close()
    disk.hangs = true
    vi.doMock(module, () => {
      throw new TypeError('Failed to fetch dynamically imported module')
    })
    const gray = profile.open({ rollout })
    const phases: string[] = []
    gray.subscribe(() => phases.push(gray.getSnapshot().phase))
    const starting = gray.start()
    await rest()
    profile.world.advance(2_000)
    expect(await starting).toMatchObject({ running: null, blocked: { by: 'STORE_BLOCKED' } })
    disk.hangs = false
    await pass(profile, 120_000)
    expect(gray.getSnapshot()).toMatchObject({ running: null, blocked: { by: 'STORE_BLOCKED' } })
    vi.doUnmock(module)
    while (gray.getSnapshot().running !== 'refactored') await pass(profile, 5_000)
    expect(phases).not.toContain('halted')
    await gray.close()
  })
})
