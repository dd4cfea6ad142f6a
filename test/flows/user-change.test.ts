import { beforeAll, describe, expect, it } from 'vitest'
import type { LoggedOperation } from '../../src/model/engine.js'
import { connectControl } from '../../src/store/control.js'
import { createFakeEngine, type Tab } from '../../src/testing.js'
import { createDexieProfile } from '../support/dexie-profile.js'
import { makeKeys, sign, type TestKeys } from '../support/rollout.js'
import {
  createProfile,
  holdClear,
  pass,
  put,
  queued,
  replacePush,
  rest,
} from '../support/session.js'

let keys: TestKeys
beforeAll(async () => {
  keys = await makeKeys()
})

async function rowsOf(tab: Tab): Promise<LoggedOperation[]> {
  const log = connectControl(tab)
  const rows = await log.run((db) => db.getAll('oplog'))
  log.close()
  return rows
}

async function usersOf(tab: Tab): Promise<Record<string, string | null>> {
  return Object.fromEntries((await rowsOf(tab)).map(({ op, userId }) => [op.entityId, userId]))
}

describe('a user who changes', () => {
  it('while operations are handed over: what is left of the one before stays', async () => {
    const profile = createProfile()
    const { engines, world } = profile
    const tab = world.tab()
    const gray = profile.open({ subject: { id: 'ann' } }, tab)
    let user = 'ann'
    const handed: string[] = []
    let go = () => {}
    const gate = new Promise<void>((open) => {
      go = open
    })
    replacePush(engines.legacy, async (op, take) => {
      handed.push(`${op.entityId} while ${user}`)
      if (op.entityId === 'a') await gate
      await take()
    })
    // One pass has both.
    await gray.enqueue(put('a'))
    await gray.enqueue(put('b'))
    void gray.start()
    await expect.poll(() => handed).toEqual(['a while ann'])
    user = 'bob'
    const identified = gray.identify({ id: 'bob' })
    await rest()
    go()
    await identified
    await rest()
    expect(handed).toEqual(['a while ann'])
    await gray.close()
  })

  it('right after an enqueue that waits for what was captured: it is of the user before', async () => {
    const profile = await createDexieProfile()
    const page = await profile.load('legacy')
    await page.gray.start()
    await page.legacy.open()
    await rest()
    const accepting = page.gray.enqueue(put('a'))
    const identified = page.gray.identify({ id: 'bob' })
    const { opId } = await accepting
    await identified
    const row = (await rowsOf(page.tab)).find((one) => one.opId === opId)
    expect(row?.userId).toBe('user')
    await page.leave()
  })

  it('right after an enqueue while the handle opens: it is of the user before', async () => {
    const profile = createProfile()
    const tab = profile.world.tab()
    const gray = profile.open({ subject: { id: 'ann' } }, tab)
    const accepting = gray.enqueue(put('a'))
    const identified = gray.identify({ id: 'bob' })
    const { opId } = await accepting
    await identified
    const row = (await rowsOf(tab)).find((one) => one.opId === opId)
    expect(row?.userId).toBe('ann')
    await gray.close()
  })

  it('while a handover fills the target: nothing of the one before is in the queue of the new engine', async () => {
    const profile = createProfile()
    const { engines, world } = profile
    const first = profile.open({ subject: { id: 'ann' } })
    await first.start()
    const { opId } = await first.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await first.close()
    const filling = holdClear(engines.refactored)
    const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
    // The queue of the fake engine knows no user: the op-log does.
    const gray = profile.open({ subject: { id: 'ann' }, rollout }, world.tab())
    const starting = gray.start()
    await filling.begun
    const identified = gray.identify({ id: 'bob' })
    await rest()
    filling.goOn()
    await starting
    await identified
    await rest()
    expect(gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    expect(queued(engines.refactored)).toEqual([])
    await gray.close()
  })

  it('has its own operations go, whatever of the one before the engine does not know', async () => {
    const profile = createProfile()
    const { engines, world } = profile
    engines.legacy.knows = (op) => op.kind !== 'odd'
    const gray = profile.open({ subject: { id: 'ann' } })
    await gray.start()
    await gray.enqueue({ ...put('settings'), kind: 'odd' })
    await rest()
    await gray.identify({ id: 'bob' })
    const { opId } = await gray.enqueue(put('settings', 'of bob'))
    for (let second = 0; second < 70; second++) {
      await rest()
      world.advance(1_000)
    }
    expect(queued(engines.legacy)).toEqual([opId])
    await gray.close()
  })
})

describe('a user who comes', () => {
  it('has what is enqueued right after `identify`', async () => {
    const profile = createProfile()
    const tab = profile.world.tab()
    const gray = profile.open({ subject: { id: 'ann' } }, tab)
    await gray.start()
    const identified = gray.identify({ id: 'bob' })
    const accepting = gray.enqueue(put('a'))
    await Promise.all([identified, accepting])
    expect(await usersOf(tab)).toEqual({ a: 'bob' })
    await gray.close()
  })

  it('has what is enqueued after `identify` while the handle opens', async () => {
    const profile = createProfile()
    const tab = profile.world.tab()
    const gray = profile.open({ subject: { id: 'ann' } }, tab)
    const started = gray.start()
    const identified = gray.identify({ id: 'bob' })
    // Any time later, while the databases are still being opened.
    await Promise.resolve()
    await Promise.resolve()
    const accepting = gray.enqueue(put('a'))
    await Promise.all([started, identified, accepting])
    expect(await usersOf(tab)).toEqual({ a: 'bob' })
    await gray.close()
  })

  it('while the handle opens has what comes then sent', async () => {
    const profile = createProfile()
    const gray = profile.open()
    const started = gray.start()
    // The session of the app is known a moment after the page began.
    const identified = gray.identify({ id: 'ann' })
    await Promise.resolve()
    const { opId } = await gray.enqueue(put('a'))
    await Promise.all([started, identified])
    await rest()
    await pass(profile, 120_000)
    expect(queued(profile.engines.legacy)).toEqual([opId])
    await gray.close()
  })

  it('has what is captured and what is enqueued in one moment', async () => {
    const profile = await createDexieProfile()
    const page = await profile.load('legacy')
    await page.gray.start()
    await page.legacy.open()
    await rest()
    const identified = page.gray.identify({ id: 'bob' })
    const accepting = page.gray.enqueue(put('a'))
    const writing = page.legacy.cards.put({ id: 'b' })
    await Promise.all([identified, accepting, writing])
    await page.gray.openOperations()
    expect(await usersOf(page.tab)).toEqual({ a: 'bob', b: 'bob' })
    await page.leave()
  })

  it.each(['before', 'after'])(
    '%s the start has asked about what an engine was handed that died',
    async (when) => {
      const profile = createProfile()
      const { disk: _, queue: __, ...bare } = createFakeEngine(['cards'])
      const pushed: string[] = []
      const probed: string[] = []
      const legacy = {
        ...bare,
        // It sends at once and keeps no queue of its own; the server has what it was handed.
        start: () => ({
          push: async ({ opId }: { opId: string }) => void pushed.push(opId),
          probe: async (opId: string) => {
            probed.push(opId)
            return 'applied' as const
          },
          stop: () => ({ clean: true, inflight: [] }),
        }),
      }
      const engines = { legacy }
      const first = profile.open({ engines, subject: { id: 'ann' } })
      await first.start()
      const { opId } = await first.enqueue(put('a'))
      await expect.poll(() => pushed).toEqual([opId])
      await rest()
      // The page goes before the answer arrives.
      await first.close()
      const next = profile.open({ engines, subject: when === 'before' ? { id: 'ann' } : null })
      await next.start()
      await rest()
      await next.identify({ id: 'ann' })
      await rest()
      expect(probed).toEqual([opId])
      expect(pushed).toEqual([opId])
      await next.close()
    },
  )
})

describe('an operation of nobody', () => {
  it('that the host throws about stands in no other’s way', async () => {
    const profile = createProfile()
    const { legacy } = profile.engines
    // Nobody is signed in, and the page goes before its engine took it.
    const first = profile.open({ engines: profile.engines })
    await first.enqueue(put('draft'))
    await first.close()
    const gray = profile.open({
      subject: { id: 'ann' },
      adoptNullUser: () => {
        throw new TypeError('the session is not there yet')
      },
    })
    await gray.start()
    const { opId } = await gray.enqueue(put('a'))
    await rest()
    await pass(profile, 600_000)
    expect(queued(legacy)).toEqual([opId])
    await gray.close()
  })
})

describe('a captured write', () => {
  it.each([
    ['somebody else signs in', { id: 'bob' }],
    ['the user signs out', null],
  ])('right before %s is of the user before', async (_, next) => {
    const profile = await createDexieProfile()
    const page = await profile.load('legacy')
    await page.gray.start()
    await page.legacy.open()
    await rest()
    const writing = page.legacy.cards.put({ id: 'a', text: 'of the first user' })
    const identified = page.gray.identify(next)
    await writing
    await identified
    await rest()
    expect(await usersOf(page.tab)).toEqual({ a: 'user' })
    await page.leave()
  })

  it('in a transaction that somebody began is of who that was', async () => {
    const profile = await createDexieProfile()
    const page = await profile.load('legacy')
    await page.gray.start()
    await page.legacy.open()
    await rest()
    const { legacy } = page
    let identified: Promise<unknown> | null = null
    await legacy.transaction('rw', legacy.cards, async () => {
      await legacy.cards.get('a')
      identified = page.gray.identify({ id: 'bob' })
      await legacy.cards.put({ id: 'a', text: 'of the first user' })
    })
    await identified
    await rest()
    expect(await usersOf(page.tab)).toEqual({ a: 'user' })
    await page.leave()
  })
})
