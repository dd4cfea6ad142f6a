import { describe, expect, it, vi } from 'vitest'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { createProfile, pass, rest } from '../support/session.js'

const PATROL = '../../src/client/patrol.js'

describe('a page that is shown again without a network', () => {
  it('goes on once its databases open and what asks them can be loaded', async () => {
    const disk = createFaultyFactory()
    const profile = createProfile({ indexedDB: disk.factory })
    const tab = profile.world.tab()
    vi.doMock(PATROL, () => {
      throw new TypeError('Failed to fetch dynamically imported module')
    })
    const gray = profile.open({}, tab)
    await gray.start()
    tab.live('pagehide')
    await rest()
    disk.cut()
    disk.hangs = true
    tab.live('pageshow')
    await pass(profile, 4_000)
    disk.hangs = false
    await pass(profile, 60_000)
    expect(gray.getSnapshot()).toMatchObject({ phase: 'halted' })
    vi.doUnmock(PATROL)
    while (gray.getSnapshot().running !== 'legacy') await pass(profile, 5_000)
    await gray.close()
  })
})
