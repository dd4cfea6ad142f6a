import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createRefresh, type Refresh } from '../../src/flows/refresh.js'
import type { GraySyncError } from '../../src/model/errors.js'
import type { RolloutOptions } from '../../src/model/handle.js'
import type { Platform } from '../../src/model/platform.js'
import type { CachedRollout } from '../../src/model/rollout.js'
import { type GraySyncDatabase, openDatabase } from '../../src/store/database.js'
import {
  type KeyPair,
  makeKeys,
  makeRollout,
  sign,
  startUpstream,
  type Upstream,
} from '../support/rollouts.js'
import { type Browser, createBrowser, type Tab } from '../support/tabs.js'

const keys: KeyPair = await makeKeys('one')
const strangers: KeyPair = await makeKeys('one')
const envelopes = await Promise.all(
  [1, 2, 3, 4, 5].map((version) => sign(makeRollout(version), keys)),
)
const signed = (version: number): string => envelopes[version - 1] ?? ''

let upstream: Upstream
let browser: Browser
let indexedDB: IDBFactory
let database: GraySyncDatabase
let seen: {
  version: number
  read(): Promise<{ version: number }>
  raise(v: number): Promise<boolean>
}
const ends: AbortController[] = []

beforeEach(async () => {
  upstream = await startUpstream()
  browser = createBrowser()
  indexedDB = new IDBFactory()
  database = await openDatabase(browser.tab({ indexedDB }).platform)
  seen = {
    version: 0,
    read: async () => ({ version: seen.version }),
    async raise(version) {
      if (version < seen.version) return false
      seen.version = version
      return true
    },
  }
})
afterEach(async () => {
  for (const end of ends.splice(0)) end.abort()
  database.close()
  await upstream.close()
})

interface Started extends Refresh {
  tab: Tab
  end: AbortController
  errors: string[]
  /** What was told, newest last. */
  told: { version: number; cached: boolean; changed: boolean }[]
}

function start(
  o: {
    options?: Partial<RolloutOptions>
    platform?: Partial<Platform>
    database?: GraySyncDatabase | null
  } = {},
): Started {
  const tab = browser.tab({ indexedDB, ...o.platform })
  const end = new AbortController()
  ends.push(end)
  const errors: string[] = []
  const told: Started['told'] = []
  const refresh = createRefresh({
    platform: tab.platform,
    options: { url: upstream.url, keys: [keys.publicKey], ...o.options },
    database: o.database === undefined ? database : o.database,
    seen,
    onRollout: ({ version }, { cached, changed }) => told.push({ version, cached, changed }),
    onError: (error: GraySyncError) => errors.push(error.code),
    signal: end.signal,
  })
  return { ...refresh, tab, end, errors, told }
}

const cached = (): Promise<CachedRollout | undefined> => database.get('rollout', 'rollout')

async function cache(changes: Partial<CachedRollout> = {}): Promise<void> {
  const record = {
    key: 'rollout',
    envelope: signed(2),
    version: 2,
    etag: '"x"',
    writtenAt: 1,
  } as const
  await database.put('rollout', { ...record, ...changes })
}

async function version(loading: Promise<{ version: number } | null>): Promise<number | null> {
  return (await loading)?.version ?? null
}

describe('a load', () => {
  test('takes the cached rollout, and asks nobody', async () => {
    await cache()
    const { load, errors, told } = start()
    expect(await version(load())).toBe(2)
    expect(seen.version).toBe(2)
    expect([errors, told, upstream.requests]).toEqual([[], [], []])
  })

  test('prefers the cached rollout to the inlined one', async () => {
    await cache()
    const { load, errors } = start({ options: { bootstrap: signed(1) } })
    expect(await version(load())).toBe(2)
    expect(errors).toEqual([])
  })

  test('takes the inlined rollout where nothing is cached', async () => {
    expect(await version(start({ options: { bootstrap: signed(1) } }).load())).toBe(1)
    expect(seen.version).toBe(1)
  })

  test('is null where there is neither', async () => {
    const { load, errors } = start()
    expect(await load()).toBeNull()
    expect(errors).toEqual([])
  })

  test('refuses an inlined rollout that is not signed by a pinned key', async () => {
    const bootstrap = await sign(makeRollout(1), strangers)
    const { load, errors } = start({ options: { bootstrap } })
    expect(await load()).toBeNull()
    expect(errors).toEqual(['ROLLOUT_SIGNATURE'])
  })

  test('refuses an inlined rollout older than what was seen', async () => {
    seen.version = 3
    const { load, errors } = start({ options: { bootstrap: signed(2) } })
    expect(await load()).toBeNull()
    expect(errors).toEqual(['ROLLOUT_REPLAY'])
  })

  test('takes a cached rollout signed by either of two pinned keys', async () => {
    const old = await makeKeys('old')
    await cache({ envelope: await sign(makeRollout(2), old) })
    const options = { keys: [keys.publicKey, old.publicKey] }
    expect(await version(start({ options }).load())).toBe(2)
  })

  test('without WebCrypto is null, and says why once', async () => {
    await cache()
    upstream.publish(signed(3))
    const { load, refresh, watch, errors, tab } = start({
      platform: { subtle: null },
      options: { bootstrap: signed(1), streamUrl: upstream.url },
    })
    expect(await load()).toBeNull()
    await refresh()
    watch()
    expect(await load()).toBeNull()
    expect(errors).toEqual(['UNSUPPORTED'])
    expect([upstream.requests, tab.timers(), tab.stream()]).toEqual([[], [], null])
  })

  test('from a store that is gone takes the inlined rollout and says so', async () => {
    database.close()
    const { load, errors } = start({ options: { bootstrap: signed(1) } })
    expect(await version(load())).toBe(1)
    expect(errors).toEqual(['STORE'])
  })

  test.each(['read', 'raise'] as const)(
    'keeps a good cache though to %s the memory of versions fails',
    async (member) => {
      await cache()
      const { load, errors } = start()
      Object.assign(seen, { [member]: () => Promise.reject(new Error('gone')) })
      expect(await load()).toBeNull()
      expect(errors).toEqual(['STORE'])
      expect(await cached()).toMatchObject({ version: 2 })
    },
  )
})

const forged = await sign(makeRollout(2), strangers)

describe('a cache that is not what was written', () => {
  const flip = (at: number): string => {
    const text = signed(2)
    return `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
  }
  const dot = signed(2).indexOf('.')
  const wrong: [string, object, string][] = [
    ['has a flipped bit in its header', { envelope: flip(4) }, 'ROLLOUT_SIGNATURE'],
    ['has a flipped bit in its payload', { envelope: flip(dot + 9) }, 'ROLLOUT_SIGNATURE'],
    [
      'has a flipped bit in its signature',
      { envelope: flip(signed(2).length - 9) },
      'ROLLOUT_SIGNATURE',
    ],
    ['is cut short', { envelope: signed(2).slice(0, -20) }, 'ROLLOUT_SIGNATURE'],
    ['is empty', { envelope: '' }, 'ROLLOUT_SIGNATURE'],
    ['is a plain document', { envelope: JSON.stringify(makeRollout(2)) }, 'ROLLOUT_SIGNATURE'],
    ['is signed by a stranger', { envelope: forged }, 'ROLLOUT_SIGNATURE'],
    ['is too large', { envelope: 'a'.repeat(300_000) }, 'ROLLOUT_SIZE'],
    ['calls itself another version', { version: 9 }, 'ROLLOUT_SCHEMA'],
    ['has no envelope', { envelope: undefined }, 'ROLLOUT_SCHEMA'],
    ['has a list for an envelope', { envelope: [signed(2)] }, 'ROLLOUT_SCHEMA'],
    ['has a version that is text', { version: '2' }, 'ROLLOUT_SCHEMA'],
  ]

  test.each(wrong)(
    'is dropped when it %s, and heals at the next contact',
    async (_, changes, code) => {
      await cache(changes as Partial<CachedRollout>)
      upstream.publish(signed(3))
      const first = start()
      expect(await first.load()).toBeNull()
      expect(first.errors).toEqual([code])
      expect(await cached()).toBeUndefined()

      await first.refresh()
      expect(upstream.requests[0]?.headers).not.toHaveProperty('if-none-match')
      expect(first.told).toEqual([{ version: 3, cached: false, changed: true }])
      const second = start()
      expect(await version(second.load())).toBe(3)
      expect(second.errors).toEqual([])
    },
  )

  test('gives way to the inlined rollout', async () => {
    await cache({ envelope: flip(40) })
    expect(await version(start({ options: { bootstrap: signed(1) } }).load())).toBe(1)
  })

  test('is dropped when it is older than what was seen', async () => {
    seen.version = 3
    await cache()
    const { load, errors } = start()
    expect(await load()).toBeNull()
    expect(errors).toEqual(['ROLLOUT_REPLAY'])
    expect(await cached()).toBeUndefined()
  })

  test('heals when it breaks while the rollout is in use and upstream has nothing new', async () => {
    upstream.publish(signed(3))
    const { refresh } = start()
    await refresh()
    await cache({ envelope: flip(40), version: 2 })
    await refresh()
    expect(upstream.requests).toHaveLength(2)
    expect(await cached()).toMatchObject({ envelope: signed(3), version: 3 })
  })

  test('does not stop a rollout by claiming a version that it has not', async () => {
    upstream.publish(signed(3))
    const { refresh, told } = start()
    await refresh()
    await cache({ envelope: signed(2), version: 2 ** 40 })
    upstream.publish(signed(4))
    await refresh()
    await refresh()
    expect(told.at(-1)).toMatchObject({ version: 4 })
    expect(await cached()).toMatchObject({ envelope: signed(4), version: 4 })
  })
})

describe('a refresh', () => {
  test('takes a new rollout, and keeps it for the next start', async () => {
    upstream.publish(signed(1))
    const { refresh, told } = start()
    await refresh()
    expect(told).toEqual([{ version: 1, cached: false, changed: true }])
    expect(await version(start({ options: { url: '' } }).load())).toBe(1)
  })

  test('names the tag of the cached rollout, and confirms it at a 304', async () => {
    upstream.publish(signed(2))
    await start().refresh()
    const later = start({ platform: { now: () => Date.now() + 60_000 } })
    await later.load()
    await later.refresh()
    await later.refresh()
    expect(upstream.requests.map(({ headers }) => headers['if-none-match'])).toEqual([
      undefined,
      '"1"',
      '"1"',
    ])
    expect(later.told).toEqual([{ version: 2, cached: false, changed: false }])
  })

  test.each([
    ['a lower version', () => signed(2), 'ROLLOUT_REPLAY'],
    ['a stranger’s signature', () => sign(makeRollout(9), strangers), 'ROLLOUT_SIGNATURE'],
    [
      'another salt',
      () => sign(makeRollout(9, { hash: { version: 1, salt: 'x' } }), keys),
      'ROLLOUT_SCHEMA',
    ],
    ['another name', () => sign(makeRollout(9, { rollout: 'other' }), keys), 'ROLLOUT_SCHEMA'],
    ['the page of a captive portal', () => '<html>Log in</html>', 'ROLLOUT_SIGNATURE'],
    ['nothing', () => '', 'ROLLOUT_SIGNATURE'],
  ])('keeps the last good rollout when it gets %s', async (_, make, code) => {
    upstream.publish(signed(3))
    const { refresh, load, errors, told } = start()
    await refresh()
    upstream.publish(await make())
    await refresh()
    expect(errors).toEqual([code])
    expect(told).toHaveLength(1)
    expect(await cached()).toMatchObject({ envelope: signed(3) })
    expect(await version(load())).toBe(3)
  })

  test('refuses what is lower than another session has seen', async () => {
    seen.version = 4
    upstream.publish(signed(3))
    const { refresh, errors, told } = start()
    await refresh()
    expect([errors, told]).toEqual([['ROLLOUT_REPLAY'], []])
    expect(await cached()).toBeUndefined()
  })

  test('refuses what another tab has overtaken meanwhile', async () => {
    upstream.publish(signed(3))
    const { refresh, load, errors, told } = start()
    seen.raise = async () => false
    await refresh()
    expect([errors, told]).toEqual([['ROLLOUT_REPLAY'], []])
    expect(await load()).toBeNull()
  })

  test('says an outage once, and the next one again', async () => {
    const { refresh, errors } = start()
    await refresh()
    await refresh()
    expect(errors).toEqual(['NETWORK'])
    upstream.publish(signed(1))
    await refresh()
    upstream.answer((_, response) => response.writeHead(500).end())
    await refresh()
    expect(errors).toEqual(['NETWORK', 'NETWORK'])
  })

  test('without room for it goes on in memory, says so once, and caches it when there is room', async () => {
    await cache()
    upstream.publish(signed(3))
    const full = new Proxy(database, {
      get(target, name) {
        if (name !== 'transaction' || hasRoom) return Reflect.get(target, name).bind?.(target)
        return () => {
          throw new DOMException('full', 'QuotaExceededError')
        }
      },
    })
    let hasRoom = false
    const { load, refresh, errors, told } = start({ database: full })
    await load()
    await refresh()
    await refresh()
    expect(errors).toEqual(['QUOTA'])
    expect(told).toEqual([{ version: 3, cached: false, changed: true }])
    expect(await version(load())).toBe(3)

    hasRoom = true
    await refresh()
    expect(await cached()).toMatchObject({ version: 3 })
  })

  test('without a database goes on in memory', async () => {
    upstream.publish(signed(3))
    const { load, refresh, errors } = start({ database: null })
    await refresh()
    expect(await version(load())).toBe(3)
    expect(errors).toEqual([])
  })

  test('without a url does nothing', async () => {
    const tab = browser.tab()
    const { refresh, watch, load } = createRefresh({
      platform: tab.platform,
      options: { keys: [keys.publicKey] },
      database,
      seen,
      onRollout: () => {},
      onError: () => {},
      signal: new AbortController().signal,
    })
    await refresh()
    watch()
    expect(await load()).toBeNull()
    expect(tab.timers()).toEqual([])
  })

  test.each(['7', 'Tue, 01 Jul 2025 10:00:07 GMT'])(
    'leaves upstream alone for as long as it asks: %s',
    async (wait) => {
      upstream.answer((_, response) =>
        response
          .writeHead(503, { date: 'Tue, 01 Jul 2025 10:00:00 GMT', 'retry-after': wait })
          .end(),
      )
      const { refresh, tab, told } = start()
      await refresh()
      upstream.publish(signed(1))
      tab.advance(6_999)
      await refresh()
      expect(upstream.requests).toHaveLength(1)
      tab.advance(1)
      await refresh()
      expect(told).toHaveLength(1)
    },
  )

  test('asks once, however often it is called meanwhile', async () => {
    upstream.publish(signed(1))
    const { refresh } = start()
    await Promise.all([refresh(), refresh(), refresh()])
    expect(upstream.requests).toHaveLength(1)
  })

  test('that the signal ends tells nothing and leaves nothing', async () => {
    const { refresh, end, errors, told, tab } = start()
    upstream.answer((_, response) => {
      end.abort()
      response.end(signed(1))
    })
    await refresh()
    await refresh()
    expect([errors, told, tab.timers(), browser.locks()]).toEqual([[], [], [], []])
    expect(upstream.requests).toHaveLength(1)
  })
})

describe('the corrected clock', () => {
  const publishAt = (at: number) =>
    upstream.publish(signed(1), { date: new Date(at).toUTCString() })

  test('is the device’s until the server was heard', () => {
    const { correctedNow, tab } = start()
    expect(correctedNow()).toBe(tab.platform.now())
  })

  test.each([-86_400_000, 86_400_000])('follows a server that is %i ms off', async (off) => {
    const { refresh, correctedNow, tab } = start()
    const at = Math.floor((tab.platform.now() + off) / 1_000) * 1_000
    publishAt(at)
    await refresh()
    tab.advance(5_000)
    expect(correctedNow()).toBe(at + 5_000)
  })

  test('does not follow the roundness of a header', async () => {
    const { refresh, correctedNow, tab } = start()
    publishAt(tab.platform.now() - 900)
    await refresh()
    tab.advance(5_000)
    expect(correctedNow()).toBe(tab.platform.now())
  })

  test('does not go back with the device’s clock', async () => {
    let off = 0
    const base = Date.now()
    const { refresh, correctedNow } = start({ platform: { now: () => base + off } })
    publishAt(base)
    await refresh()
    const before = correctedNow()
    off = -86_400_000
    expect(correctedNow()).toBe(before)
  })

  test('stays as it is when a server does not say the time', async () => {
    const { refresh, correctedNow, tab } = start()
    upstream.answer((_, response) => {
      response.sendDate = false
      response.end(signed(1))
    })
    await refresh()
    expect(correctedNow()).toBe(tab.platform.now())
  })
})

test('a document that is published twice under one version confirms it', async () => {
  upstream.publish(signed(1))
  const { refresh, told } = start()
  await refresh()
  upstream.publish(await sign(makeRollout(1), keys))
  await refresh()
  expect(told).toEqual([{ version: 1, cached: false, changed: true }])
})

test('a rollout is not told twice when nothing changed', async () => {
  upstream.publish(signed(1))
  const { refresh, told, errors } = start()
  await refresh()
  await refresh()
  await vi.waitFor(() => expect(upstream.requests).toHaveLength(2))
  expect(told).toHaveLength(1)
  expect(errors).toEqual([])
})
