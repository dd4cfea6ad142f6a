import { describe, expect, it } from 'vitest'
import { CENSUS, parsePresent, ROLL_CALL } from '../../src/lib/roll-call.js'
import type { Snapshot } from '../../src/model/handle.js'
import type { WorkerLink } from '../../src/model/platform.js'
import { openControl } from '../../src/store/control.js'
import type { Tab } from '../../src/testing.js'
import { writeOnceRead } from '../support/interpose.js'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, type Profile, rest } from '../support/session.js'
import { awaitSnapshot } from '../support/snapshot.js'

// Loaded after the start, and here beforehand: a test waits for no file.
await import('../../src/client/patrol.js')

const isWriter = (snapshot: Snapshot) => snapshot.phase === 'running' && snapshot.role === 'writer'
const DAY_MS = 86_400_000
const keys = await makeKeys()

/** A profile whose rollout wants refactored, and whose tabs pause for no clock. */
async function createWanting(pristine = false): Promise<Profile> {
  const profile = createProfile({ pristine })
  const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
  const open: Profile['open'] = (more = {}, tab = profile.world.tab()) => {
    const { setTimer } = tab
    tab.setTimer = (run, ms) => {
      if (ms !== 500) return setTimer(run, ms)
      setImmediate(run)
      return () => {}
    }
    return profile.open({ rollout, ...more }, tab)
  }
  return { ...profile, open }
}

/** A worker that answers a census with these. */
function withWorker(tab: Tab, ...answers: unknown[]): { tab: Tab; asked: unknown[] } {
  const asked: unknown[] = []
  const worker: WorkerLink = {
    async ask(message) {
      asked.push(message)
      return answers[Math.min(asked.length, answers.length) - 1]
    },
    onAsk() {},
    requestSync() {},
  }
  return { tab: Object.assign(tab, { worker }), asked }
}

const SILENT = [
  { url: '/', build: 1 },
  { url: '/old', build: null },
]

describe('a tab without graysync', () => {
  it('holds back a handover, which says so and names it', async () => {
    const profile = await createWanting()
    const { tab, asked } = withWorker(profile.world.tab(), SILENT)
    const gray = profile.open({}, tab)
    const shown = await gray.start()
    expect(shown).toMatchObject({ running: 'legacy', role: 'writer', blocked: { by: 'OLD_TAB' } })
    expect(shown).toMatchObject({ blocked: { fix: expect.stringContaining('/old') } })
    expect(shown.reload).toBe('none')
    expect(asked).toEqual([CENSUS, CENSUS])
    await gray.close()
  })

  it('holds it back no longer once it is closed', async () => {
    const profile = await createWanting()
    const before = profile.open({}, withWorker(profile.world.tab(), SILENT).tab)
    await before.start()
    await before.close()
    const gray = profile.open({}, withWorker(profile.world.tab(), [{ url: '/', build: 1 }]).tab)
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    await gray.close()
  })

  it('holds it back for a day and no longer, and is told of then', async () => {
    const profile = await createWanting()
    const first = profile.open({}, withWorker(profile.world.tab(), SILENT).tab)
    await first.start()
    await first.close()
    profile.world.advance(DAY_MS - 60_000)
    const second = profile.open({}, withWorker(profile.world.tab(), SILENT).tab)
    expect(await second.start()).toMatchObject({ blocked: { by: 'OLD_TAB' } })
    await second.close()
    profile.world.advance(60_000)
    const third = profile.open({}, withWorker(profile.world.tab(), SILENT).tab)
    const codes: string[] = []
    third.on('error', ({ code }) => codes.push(code))
    expect(await third.start()).toMatchObject({ running: 'refactored' })
    expect(codes).toEqual(['OLD_TAB'])
    await third.close()
  })

  it('holds it back for a day of its own, also where a tab stood still as it saw an older one', async () => {
    const profile = await createWanting()
    const visit = async () => {
      const gray = profile.open({}, withWorker(profile.world.tab(), SILENT).tab)
      const shown = await gray.start()
      await gray.close()
      return 'blocked' in shown ? shown.blocked?.by : null
    }
    expect(await visit()).toBe('OLD_TAB')
    profile.world.advance(DAY_MS / 2)
    const db = await openControl(profile.world.tab())
    const closed = writeOnceRead(db, 'silentSince', null)
    expect(await visit()).toBe('OLD_TAB')
    await closed
    db.close()
    profile.world.advance(DAY_MS)
    expect(await visit()).toBe('OLD_TAB')
  })

  it('is not waited for on the way back', async () => {
    const profile = await createWanting()
    const forth = profile.open()
    expect(await forth.start()).toMatchObject({ running: 'refactored' })
    await forth.prefer('legacy')
    await forth.close()
    const { tab, asked } = withWorker(profile.world.tab(), SILENT)
    const back = profile.open({}, tab)
    expect(await back.start()).toMatchObject({ running: 'legacy' })
    expect(asked).toEqual([])
    await back.close()
  })

  it('that only opens slowly is no such tab', async () => {
    const profile = await createWanting()
    const { tab, asked } = withWorker(profile.world.tab(), SILENT, [{ url: '/old', build: 1 }])
    const gray = profile.open({}, tab)
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    expect(asked).toHaveLength(2)
    await gray.close()
  })

  it('is not asked after on a profile that nobody used before', async () => {
    const profile = await createWanting(true)
    const { tab, asked } = withWorker(profile.world.tab(), SILENT)
    const gray = profile.open({}, tab)
    expect(await gray.start()).toMatchObject({ running: 'refactored' })
    expect(asked).toEqual([])
    await gray.close()
  })
})

describe('without a worker that answers', () => {
  it.each([
    ['no worker', false],
    ['a worker of somebody else’s', true],
  ])('with %s, an older build shows in the line for the lease', async (_, hasWorker) => {
    const profile = await createWanting()
    const { signal } = new AbortController()
    const before = profile.open({ override: 'legacy' })
    await before.start()
    const tab = profile.world.tab()
    const gray = profile.open({}, hasWorker ? withWorker(tab, null).tab : tab)
    await gray.start()
    const old = profile.world.tab()
    void old.lock?.('graysync-writer', { signal })
    await before.close()
    expect(await awaitSnapshot(gray, isWriter)).toMatchObject({
      running: 'legacy',
      blocked: { by: 'OLD_TAB' },
    })
    old.kill()
    await gray.close()
    const next = profile.open()
    expect(await next.start()).toMatchObject({ running: 'refactored' })
    await next.close()
  })

  it('tabs of this build hold nothing back, and leave no sign when they are gone', async () => {
    const profile = await createWanting()
    const { world } = profile
    const tab = world.tab()
    const first = profile.open({ override: 'legacy' }, tab)
    await first.start()
    const second = profile.open({}, world.tab())
    await second.start()
    const signs = async () =>
      (await world.tab().locks()).filter(({ name }) => name.startsWith('graysync-tab'))
    expect(await signs()).toHaveLength(2)
    tab.live('pagehide')
    await expect.poll(() => second.getSnapshot()).toMatchObject({ running: 'refactored' })
    expect(await signs()).toHaveLength(1)
    tab.live('pageshow')
    await rest()
    expect(await signs()).toHaveLength(2)
    await first.close()
    await second.close()
    await rest()
    expect(await signs()).toEqual([])
  })
})

describe('the roll-call', () => {
  it('is answered with the build, and nothing else is', async () => {
    const profile = await createWanting()
    const tab = profile.world.tab()
    const listening: ((message: unknown) => unknown)[] = []
    tab.worker = {
      ask: async () => null,
      onAsk: (answer) => void listening.push(answer),
      requestSync() {},
    }
    const gray = profile.open({}, tab)
    await gray.start()
    const [answer] = listening
    expect(parsePresent(answer?.(ROLL_CALL))).toBe(1)
    expect([answer?.({ graysync: 'other' }), answer?.(null), answer?.('x')]).toEqual([
      null,
      null,
      null,
    ])
    await gray.close()
  })
})
