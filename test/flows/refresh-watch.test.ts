import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createRefresh, type Refresh } from '../../src/flows/refresh.js'
import type { RolloutOptions } from '../../src/model/handle.js'
import type { Platform } from '../../src/model/platform.js'
import { type GraySyncDatabase, openDatabase } from '../../src/store/database.js'
import { makeKeys, makeRollout, sign, startUpstream, type Upstream } from '../support/rollouts.js'
import { type Browser, createBrowser, type Tab } from '../support/tabs.js'

const keys = await makeKeys('one')
const envelopes = await Promise.all(
  [1, 2, 3, 4, 5].map((version) => sign(makeRollout(version), keys)),
)
const signed = (version: number): string => envelopes[version - 1] ?? ''
const REFRESH_MS = 300_000

let upstream: Upstream
let browser: Browser
let indexedDB: IDBFactory
let database: GraySyncDatabase
let highest: number
const ends: AbortController[] = []

beforeEach(async () => {
  upstream = await startUpstream()
  upstream.publish(signed(1))
  browser = createBrowser()
  indexedDB = new IDBFactory()
  highest = 0
  database = await openDatabase(browser.tab({ indexedDB }).platform)
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const end of ends.splice(0)) end.abort()
  database.close()
  await upstream.close()
})

interface Started extends Refresh {
  tab: Tab
  end: AbortController
  errors: string[]
  versions: number[]
}

function start(
  o: { options?: Partial<RolloutOptions>; platform?: Partial<Platform>; stored?: boolean } = {},
): Started {
  const tab = browser.tab({ indexedDB, ...o.platform })
  const end = new AbortController()
  ends.push(end)
  const errors: string[] = []
  const versions: number[] = []
  const refresh = createRefresh({
    platform: tab.platform,
    options: {
      url: upstream.url,
      streamUrl: `${upstream.url}/stream`,
      keys: [keys.publicKey],
      ...o.options,
    },
    database: o.stored === false ? null : database,
    seen: {
      read: async () => ({ version: highest }),
      async raise(version) {
        if (version < highest) return false
        highest = version
        return true
      },
    },
    onRollout: ({ version }, { changed }) => {
      if (changed) versions.push(version)
    },
    onError: (error) => errors.push(error.code),
    signal: end.signal,
  })
  return { ...refresh, tab, end, errors, versions }
}

const asked = (times: number) => vi.waitFor(() => expect(upstream.requests).toHaveLength(times))
const settled = (started: Started, delayMs: number) =>
  vi.waitFor(() => expect(started.tab.timers()).toEqual([delayMs]))

/** Half of the most that the jitter adds, since the tests' chance is one half. */
const INTERVAL = REFRESH_MS * 1.1

async function watching(o: Parameters<typeof start>[0] = {}): Promise<Started> {
  const started = start(o)
  await started.refresh()
  started.watch()
  await settled(started, INTERVAL)
  return started
}

describe('time', () => {
  test('brings a refresh each interval, stretched by up to a fifth', async () => {
    const { tab, versions, ...rest } = await watching()
    upstream.publish(signed(2))
    tab.advance(INTERVAL - 1)
    expect(upstream.requests).toHaveLength(1)
    tab.advance(1)
    await vi.waitFor(() => expect(versions).toEqual([1, 2]))
    await settled({ tab, versions, ...rest }, INTERVAL)
  })

  test.each([
    [0, 1],
    [0.999_999, 1.2],
  ])('with chance %d stretches the interval by %d', async (random, factor) => {
    const { tab, refresh, watch } = start({ platform: { random: () => random } })
    await refresh()
    watch()
    await vi.waitFor(() => expect(tab.timers()[0]).toBeCloseTo(REFRESH_MS * factor, -1))
  })

  test('is the host’s where it says so', async () => {
    const { tab, refresh, watch } = start({ options: { refreshMs: 1_000 } })
    await refresh()
    watch()
    await vi.waitFor(() => expect(tab.timers()).toEqual([1_100]))
  })

  test('backs off while upstream fails, and takes up its interval again', async () => {
    const started = await watching()
    upstream.answer((_, response) => response.writeHead(500).end())
    started.tab.advance(INTERVAL)
    for (const most of [2_000, 4_000, 8_000, 16_000]) {
      await settled(started, most / 2)
      started.tab.advance(most / 2)
    }
    await settled(started, 16_000)
    upstream.publish(signed(2))
    started.tab.advance(16_000)
    await settled(started, INTERVAL)
    expect(started.versions).toEqual([1, 2])
    expect(started.errors).toEqual(['NETWORK'])
  })

  test('never backs off beyond the interval', async () => {
    const started = await watching({ options: { refreshMs: REFRESH_MS } })
    upstream.answer((_, response) => response.writeHead(500).end())
    for (let times = 2; times < 16; times++) {
      started.tab.advance(INTERVAL)
      await asked(times)
      await vi.waitFor(() => expect(started.tab.timers()[0]).toBeLessThanOrEqual(REFRESH_MS))
    }
    await settled(started, REFRESH_MS / 2)
  })

  test('does not run away when chance is always naught', async () => {
    upstream.answer((_, response) => response.writeHead(500).end())
    const started = start({ platform: { random: () => 0 } })
    started.watch()
    await settled(started, 250)
  })

  test('waits as long as upstream asks, and a little more', async () => {
    const started = await watching()
    upstream.answer((_, response) => response.writeHead(429, { 'retry-after': '600' }).end())
    started.tab.advance(INTERVAL)
    await settled(started, 600_500)
    for (const life of ['online', 'hidden', 'visible'] as const) started.tab.live(life)
    started.tab.stream()?.say('{"version":9}')
    await settled(started, 600_500)
    expect(upstream.requests).toHaveLength(2)
  })
})

describe('the life of the page', () => {
  test('brings nothing while the page is hidden', async () => {
    const { tab } = await watching()
    tab.live('hidden')
    expect([tab.timers(), tab.stream()]).toEqual([[], null])
    tab.live('online')
    expect(browser.locks()).not.toContain('graysync-refresh')
    tab.advance(10 * REFRESH_MS)
    expect([tab.timers(), tab.stream()]).toEqual([[], null])
    expect(upstream.requests).toHaveLength(1)
    await vi.waitFor(() => expect(browser.locks()).toEqual([]))
  })

  test('brings nothing after a request that ends in a hidden page', async () => {
    const { tab, refresh } = await watching()
    const asking = refresh()
    tab.live('hidden')
    await asking
    expect(upstream.requests).toHaveLength(2)
    expect(tab.timers()).toEqual([])
  })

  test.each(['visible', 'pageshow'] as const)(
    'brings a refresh at %s after hiding',
    async (life) => {
      const { tab, versions } = await watching()
      tab.live(life === 'visible' ? 'hidden' : 'pagehide')
      upstream.publish(signed(2))
      tab.live(life)
      await vi.waitFor(() => expect(versions).toEqual([1, 2]))
      await vi.waitFor(() => expect(tab.stream()).not.toBeNull())
    },
  )

  test('brings a refresh when the device is online again', async () => {
    const { tab, versions } = await watching()
    upstream.publish(signed(2))
    tab.live('offline')
    tab.live('online')
    await vi.waitFor(() => expect(versions).toEqual([1, 2]))
  })

  test('brings no refresh by events that say nothing new', async () => {
    const { tab } = await watching()
    for (const life of ['visible', 'pageshow', 'offline'] as const) tab.live(life)
    await settled({ tab } as Started, INTERVAL)
    expect(upstream.requests).toHaveLength(1)
  })

  test('begun in a hidden page brings the first refresh when it is seen', async () => {
    const started = start()
    started.tab.live('hidden')
    started.watch()
    expect([started.tab.timers(), started.tab.stream()]).toEqual([[], null])
    started.tab.live('visible')
    await settled(started, INTERVAL)
    expect(started.versions).toEqual([1])
  })

  test('begun without a refresh brings the first at once', async () => {
    const { watch, versions } = start()
    watch()
    watch()
    await vi.waitFor(() => expect(versions).toEqual([1]))
    expect(upstream.requests).toHaveLength(1)
  })
})

describe('the stream', () => {
  const opened = (tab: Tab) =>
    vi.waitFor(() => {
      const stream = tab.stream()
      expect(stream).not.toBeNull()
      return stream as NonNullable<typeof stream>
    })

  test('brings a refresh at once when it tells a higher version', async () => {
    const { tab, versions } = await watching()
    upstream.publish(signed(2))
    const stream = await opened(tab)
    expect(stream.url).toBe(`${upstream.url}/stream`)
    stream.say('{"version":2}')
    await vi.waitFor(() => expect(versions).toEqual([1, 2]))
  })

  test.each(['{"version":1}', '{"version":"9"}', '{"version":1e400}', '{}', 'null', 'x', ''])(
    'brings none when it says %s',
    async (data) => {
      const started = await watching()
      const stream = await opened(started.tab)
      stream.say(data)
      await settled(started, INTERVAL)
      expect(upstream.requests).toHaveLength(1)
      expect(started.errors).toEqual([])
    },
  )

  test('that is ahead of the document brings further requests, each later', async () => {
    const started = await watching()
    ;(await opened(started.tab)).say('{"version":2}')
    await settled(started, 1_000)
    started.tab.advance(1_000)
    await settled(started, 2_000)
    upstream.publish(signed(2))
    started.tab.advance(2_000)
    await settled(started, INTERVAL)
    expect(started.versions).toEqual([1, 2])
    expect(upstream.requests).toHaveLength(4)
  })

  test('that tells a version while an older answer is on its way brings another request', async () => {
    const { tab, refresh, versions } = await watching()
    const stream = await opened(tab)
    upstream.answer((_, response) => {
      upstream.publish(signed(2))
      stream.say('{"version":2}')
      response.end(signed(1))
    })
    await refresh()
    expect(versions).toEqual([1, 2])
    expect(upstream.requests).toHaveLength(3)
  })

  test('that is ahead of what another tab has just heard brings a request', async () => {
    const first = await watching()
    const second = start()
    for (const { tab } of [first, second]) tab.advance(5_000)
    await second.refresh()
    expect(upstream.requests).toHaveLength(2)
    upstream.publish(signed(2))
    ;(await opened(first.tab)).say('{"version":2}')
    await vi.waitFor(() => expect(first.versions).toEqual([1, 2]))
    expect(upstream.requests).toHaveLength(3)
  })

  test('that breaks is opened again, each time later, and soon once it spoke', async () => {
    const { tab } = await watching()
    for (const ms of [1_000, 2_000, 4_000]) {
      const stream = await opened(tab)
      stream.break()
      stream.break()
      expect(tab.stream()).toBeNull()
      expect(tab.timers()).toContain(ms)
      tab.advance(ms)
    }
    const stream = await opened(tab)
    stream.say('{"version":1}')
    stream.break()
    expect(tab.timers()).toContain(1_000)
  })

  test('is one for all tabs, and goes to another that is seen when its own hides or closes', async () => {
    const [first, second, third] = [await watching(), start(), start()]
    second.watch()
    third.tab.live('hidden')
    third.watch()
    await opened(first.tab)
    expect([second.tab.stream(), third.tab.stream()]).toEqual([null, null])

    first.tab.live('hidden')
    await opened(second.tab)
    expect([first.tab.stream(), third.tab.stream()]).toEqual([null, null])

    third.tab.live('visible')
    second.tab.close()
    await opened(third.tab)
  })

  test('is every visible tab’s own where there are no locks', async () => {
    const [first, second] = [
      start({ platform: { lock: null } }),
      start({ platform: { lock: null } }),
    ]
    first.watch()
    second.watch()
    await Promise.all([opened(first.tab), opened(second.tab)])
  })

  test('is not needed', async () => {
    const started = await watching({ platform: { stream: null } })
    started.tab.advance(INTERVAL)
    await asked(2)
  })
})

describe('many tabs', () => {
  const advanceAll = (tabs: Started[], ms: number) => {
    for (const { tab } of tabs) tab.advance(ms)
  }

  test.each([2, 4, 20])(
    '%i that refresh together ask once, and all have the answer',
    async (count) => {
      const tabs = Array.from({ length: count }, () => start())
      await Promise.all(tabs.map(({ refresh }) => refresh()))
      expect(upstream.requests).toHaveLength(1)
      await vi.waitFor(() => {
        for (const { versions } of tabs) expect(versions).toEqual([1])
      })
    },
  )

  test('hear of a new rollout from the one that fetched it, hidden ones too', async () => {
    const tabs = [await watching(), start(), start()]
    for (const { load, watch } of tabs.slice(1)) {
      await load()
      watch()
    }
    tabs[2]?.tab.live('hidden')
    await vi.waitFor(() => expect(tabs[1]?.tab.timers()).toHaveLength(1))
    const before = upstream.requests.length
    upstream.publish(signed(2))
    await vi.waitFor(() => expect(tabs[0]?.tab.stream()).not.toBeNull())
    tabs[0]?.tab.stream()?.say('{"version":2}')
    await vi.waitFor(() => {
      for (const { versions } of tabs) expect(versions.at(-1)).toBe(2)
    })
    expect(upstream.requests).toHaveLength(before + 1)
  })

  test('share one interval: the one that asks puts off the others', async () => {
    const tabs = [await watching(), await watching(), await watching()]
    upstream.requests.length = 0
    for (let round = 0; round < 3; round++) advanceAll(tabs, INTERVAL / 2)
    await vi.waitFor(() => {
      expect(upstream.requests).toHaveLength(1)
      for (const { tab } of tabs) expect(tab.timers()).toHaveLength(1)
    })
  })

  test('do not ask one after the other while upstream fails', async () => {
    upstream.answer((_, response) => response.writeHead(500).end())
    const tabs = Array.from({ length: 20 }, () => start())
    await Promise.all(tabs.map(({ refresh }) => refresh()))
    expect(upstream.requests).toHaveLength(1)
  })

  test('all leave upstream alone when one was asked to', async () => {
    upstream.answer((_, response) => response.writeHead(503, { 'retry-after': '60' }).end())
    const [first, second] = [start(), start()]
    await first.refresh()
    upstream.publish(signed(1))
    await second.refresh()
    expect(upstream.requests).toHaveLength(1)
    second.tab.advance(60_000)
    await second.refresh()
    expect(second.versions).toEqual([1])
  })

  test.each([
    ['the cache is full', true],
    ['there is no database', false],
  ])('hear of a new rollout although %s', async (_, stored) => {
    const [first, second] = [start({ stored }), start({ stored })]
    if (stored) {
      vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
        throw new DOMException('full', 'QuotaExceededError')
      })
    }
    await first.refresh()
    await vi.waitFor(() => expect(second.versions).toEqual([1]))
    expect(first.errors).toEqual(stored ? ['QUOTA'] : [])
  })

  test('ask themselves, a little later, when the one that asked died', async () => {
    const started = await watching()
    started.tab.advance(5_000)
    const dead = browser.tab()
    await dead.platform.lock?.('graysync-refresh', { signal: new AbortController().signal })
    const waiting = started.refresh()
    upstream.publish(signed(2))
    dead.close()
    await waiting
    expect(upstream.requests).toHaveLength(1)
    await settled(started, 1_000)
    started.tab.advance(1_000)
    await vi.waitFor(() => expect(started.versions).toEqual([1, 2]))
  })

  test('are not silenced by one that froze while it asked', async () => {
    const frozen = browser.tab({ indexedDB })
    await frozen.platform.lock?.('graysync-refresh', { signal: new AbortController().signal })
    const { refresh, tab, versions } = start()
    const refreshing = refresh()
    await vi.waitFor(() => expect(tab.timers()).toEqual([15_000]))
    tab.advance(15_000)
    await refreshing
    expect(versions).toEqual([1])
  })

  test('without locks each ask after a while of its own, and use what another has heard', async () => {
    const chances = [0.1, 0.9]
    const tabs = chances.map((chance) => start({ platform: { lock: null, random: () => chance } }))
    const all = tabs.map(({ refresh }) => refresh())
    await vi.waitFor(() => {
      for (const { tab } of tabs) expect(tab.timers()).toHaveLength(1)
    })
    advanceAll(tabs, 500)
    await all[0]
    advanceAll(tabs, 500)
    await all[1]
    expect(tabs.map(({ versions }) => versions)).toEqual([[1], [1]])
    expect(upstream.requests).toHaveLength(1)
  })

  test('do not believe what another says without a signature', async () => {
    const { versions, errors, tab } = start()
    const channel = tab.platform.channel?.('graysync-rollout', () => {})
    const forged = { key: 'rollout', envelope: 'a.b.c', version: 9, etag: null, writtenAt: 1 }
    for (const message of [null, 5, 'rollout', {}, { kind: 'quiet', forMs: 'x' }]) {
      channel?.post(message)
    }
    channel?.post({ kind: 'rollout', record: forged })
    await vi.waitFor(() => expect(errors).toEqual(['ROLLOUT_SIGNATURE']))
    channel?.post({ kind: 'rollout', record: { ...forged, envelope: signed(1) } })
    await vi.waitFor(() => expect(errors).toContain('ROLLOUT_SCHEMA'))
    expect(versions).toEqual([])
  })
})

describe('the part that asks upstream', () => {
  const MODULE = '../../src/rollout/upstream.js'

  afterEach(() => vi.doUnmock(MODULE))

  test('is told as an error where it can not be loaded, and tried again until it can', async () => {
    vi.doMock(MODULE, () => {
      throw new TypeError('Failed to fetch dynamically imported module')
    })
    const started = start()
    await started.refresh()
    expect([started.errors, upstream.requests]).toEqual([['NETWORK'], []])
    started.watch()
    await settled(started, 10_000)
    vi.doUnmock(MODULE)
    started.tab.advance(10_000)
    await vi.waitFor(() => expect(started.versions).toEqual([1]))
    await settled(started, INTERVAL)
  })

  test('is not waited for once all has ended', async () => {
    vi.doMock(MODULE, () => {
      throw new TypeError('Failed to fetch dynamically imported module')
    })
    const started = start()
    started.watch()
    await settled(started, 10_000)
    started.end.abort()
    expect(started.tab.timers()).toEqual([])
  })

  test('is loaded when another tab has news, which is heard', async () => {
    const hearing = start()
    const asking = start()
    await asking.refresh()
    await vi.waitFor(() => expect(hearing.versions).toEqual([1]))
    expect(upstream.requests).toHaveLength(1)
  })
})

test('the signal ends every timer, listener, stream, lock and channel', async () => {
  const { tab, end, refresh, watch, errors } = await watching()
  await vi.waitFor(() => expect(tab.stream()).not.toBeNull())
  end.abort()
  await vi.waitFor(() => expect(browser.locks()).toEqual([]))
  for (const life of ['hidden', 'visible', 'online', 'pageshow'] as const) tab.live(life)
  watch()
  await refresh()
  tab.advance(10 * REFRESH_MS)
  expect([tab.timers(), tab.stream(), errors]).toEqual([[], null, []])
  expect(browser.channels()).toBe(0)
  expect(upstream.requests).toHaveLength(1)
})
