import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { Snapshot } from '../../src/model/handle.js'
import type { FakeEngine } from '../../src/testing.js'
import { createProfile, inTime, pass, put, queued, rest } from '../support/session.js'
import { awaitSnapshot } from '../support/snapshot.js'

// Loaded after the start, and here beforehand: a test waits for no file.
await import('../../src/client/patrol.js')

const isWriter = (snapshot: Snapshot) => snapshot.phase === 'running' && snapshot.role === 'writer'
const send = (engine: FakeEngine, start = -1) =>
  engine.starts.at(start)?.fetch('https://upstream.test/', { method: 'POST' })

/** An engine whose start takes until `go`. */
function slow(engine: FakeEngine): { begun: Promise<void>; go(): void } {
  const { start } = engine
  let go = () => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  engine.start = async (ctx) => {
    begin()
    await gate
    return start(ctx)
  }
  return { begun, go: () => go() }
}

/** Counts how often an engine is stopped. */
function countStops(engine: FakeEngine): { count: number } {
  const stops = { count: 0 }
  const { start } = engine
  engine.start = async (ctx) => ({
    ...(await start(ctx)),
    stop: () => {
      stops.count++
    },
  })
  return stops
}

describe('a page that is kept to be shown again', () => {
  it('lets another tab lead meanwhile, and follows it when it is shown', async () => {
    const { world, engines, open } = createProfile()
    const tab = world.tab()
    const first = open({}, tab)
    await first.start()
    const second = open()
    expect(await second.start()).toMatchObject({ role: 'follower' })
    tab.live('pagehide')
    expect(engines.legacy.starts[0]?.signal.aborted).toBe(true)
    await awaitSnapshot(second, isWriter)
    tab.live('pageshow')
    await awaitSnapshot(first, (s) => s.phase === 'running' && s.role === 'follower')
    const { opId, settled } = await first.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    engines.legacy.acknowledge()
    expect(await settled).toMatchObject({ status: 'acked' })
    await second.close()
    expect(await awaitSnapshot(first, isWriter)).toMatchObject({ running: 'legacy' })
    await first.close()
  })

  it('leads again when nobody else does, under a new term', async () => {
    const { world, engines, open } = createProfile()
    const tab = world.tab()
    const gray = open({}, tab)
    await gray.start()
    tab.live('pageshow')
    await rest()
    expect(engines.legacy.starts).toHaveLength(1)
    tab.live('pagehide')
    tab.live('pageshow')
    await expect.poll(() => engines.legacy.starts.length).toBe(2)
    expect(engines.legacy.starts[1]?.term).toBeGreaterThan(engines.legacy.starts[0]?.term ?? 0)
    expect((await send(engines.legacy))?.status).toBe(404)
    await gray.close()
  })

  it('starts none beside one that stops still, which writes its last into their queue', async () => {
    const { world, engines, open } = createProfile()
    const { start } = engines.legacy
    let running = 0
    const most: number[] = []
    let go = () => {}
    engines.legacy.start = async (ctx) => {
      most.push(++running)
      const stop = async () => {
        await new Promise<void>((resolve) => {
          go = resolve
        })
        running--
      }
      return { ...(await start(ctx)), stop }
    }
    const tab = world.tab()
    const gray = open({}, tab)
    await gray.start()
    tab.live('pagehide')
    tab.live('pageshow')
    await rest()
    go()
    await expect.poll(() => most).toEqual([1, 1])
    await awaitSnapshot(gray, isWriter)
    const closing = gray.close()
    await rest()
    go()
    await closing
  })

  it('leads, also where the browser refuses only then what was asked before it was left', async () => {
    const { world, open } = createProfile()
    const tab = world.tab()
    const { lock } = tab
    let refuse = () => {}
    const asked = new Promise<void>((resolve) => {
      tab.lock = (name, o) => {
        if (!o.ifAvailable) return lock?.(name, o) ?? Promise.resolve(null)
        tab.lock = lock
        resolve()
        return new Promise((_, reject) => {
          refuse = () => reject(new DOMException('it is not active', 'InvalidStateError'))
        })
      }
    })
    const gray = open({}, tab)
    const starting = gray.start()
    await asked
    tab.live('pagehide')
    tab.live('pageshow')
    await awaitSnapshot(gray, isWriter)
    refuse()
    expect(await starting).toMatchObject({ phase: 'running', role: 'writer' })
    await gray.close()
  })

  it('leaves nothing behind of each time that it was shown, in the lead or in the line', async () => {
    const { world, open } = createProfile()
    const other = world.tab()
    const tab = world.tab()
    const { onLife } = tab
    const signals: AbortSignal[] = []
    tab.onLife = (hear, signal) => {
      signals.push(signal)
      onLife(hear, signal)
    }
    const gray = open({}, tab)
    await gray.start()
    const second = open({}, other)
    await second.start()
    /** Leads, is left, follows, and leads again. */
    const round = async () => {
      tab.live('pagehide')
      await awaitSnapshot(second, isWriter)
      tab.live('pageshow')
      await awaitSnapshot(gray, (s) => s.phase === 'running' && s.role === 'follower')
      other.live('pagehide')
      await awaitSnapshot(gray, isWriter)
      other.live('pageshow')
      await awaitSnapshot(second, (s) => s.phase === 'running' && s.role === 'follower')
      await rest()
    }
    const lasting = [...new Set(signals)]
    const count = async () => {
      // What ended looks once more.
      world.advance(600_000)
      await rest()
      return lasting.map((signal) => getEventListeners(signal, 'abort').length)
    }
    await round()
    const before = await count()
    expect(Math.max(...before)).toBeGreaterThan(0)
    for (let times = 0; times < 5; times++) await round()
    expect(await count()).toEqual(before)
    await gray.close()
    await second.close()
  })

  it('does not take the lease while it is hidden in the line', async () => {
    const { world, engines, open } = createProfile()
    const leader = open()
    await leader.start()
    const tab = world.tab()
    const follower = open({}, tab)
    await follower.start()
    tab.live('pagehide')
    await leader.close()
    await rest()
    expect(engines.legacy.starts).toHaveLength(1)
    const third = open()
    expect(await third.start()).toMatchObject({ role: 'writer' })
    await third.close()
    tab.live('pageshow')
    await awaitSnapshot(follower, isWriter)
    await follower.close()
  })

  it('leaves the lease to others, also where it is left while it looks whether somebody has it', async () => {
    const { world, open } = createProfile()
    const tab = world.tab()
    const { locks } = tab
    const gray = open({}, tab)
    await gray.start()
    const looked = new Promise<void>((resolve) => {
      tab.locks = () => {
        tab.live('pagehide')
        resolve()
        return locks()
      }
    })
    tab.live('pageshow')
    await looked
    await rest()
    const next = open()
    expect(await next.start()).toMatchObject({ running: 'legacy', role: 'writer' })
    await next.close()
    await gray.close()
  })

  it('keeps the lease when its engine can not be stopped', async () => {
    const { world, engines, open } = createProfile()
    const { start } = engines.legacy
    engines.legacy.start = async (ctx) => {
      const { push } = (await start(ctx)) ?? {}
      return push ? { push } : {}
    }
    const tab = world.tab()
    const first = open({}, tab)
    await first.start()
    tab.live('pagehide')
    const second = open()
    expect(await second.start()).toMatchObject({ role: 'follower' })
    tab.live('pageshow')
    await rest()
    expect(engines.legacy.starts).toHaveLength(1)
    await first.close()
    await second.close()
  })
})

describe('a page that is kept while its engine starts', () => {
  it('tells it at once, and takes it for no failure that it gives up', async () => {
    const { world, engines, open } = createProfile()
    const { start } = engines.legacy
    let begin = () => {}
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    engines.legacy.start = (ctx) => {
      begin()
      return new Promise((_, reject) => {
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))
      })
    }
    const tab = world.tab()
    const gray = open({}, tab)
    const told: unknown[] = []
    gray.on('error', (error) => told.push(error))
    const starting = gray.start()
    await begun
    tab.live('pagehide')
    await starting
    engines.legacy.start = start
    tab.live('pageshow')
    expect(await awaitSnapshot(gray, isWriter)).toMatchObject({ running: 'legacy' })
    expect(told).toEqual([])
    await gray.close()
  })

  it('starts none beside it where it can not be stopped, and lets another tab lead', async () => {
    const { world, engines, open } = createProfile()
    const { start } = engines.legacy
    engines.legacy.start = async (ctx) => {
      const { push } = (await start(ctx)) ?? {}
      return push ? { push } : {}
    }
    const { begun, go } = slow(engines.legacy)
    const tab = world.tab()
    const gray = open({}, tab)
    const starting = gray.start()
    await begun
    tab.live('pagehide')
    tab.live('pageshow')
    await rest()
    go()
    await starting
    expect(await awaitSnapshot(gray, ({ phase }) => phase === 'running')).toMatchObject({
      running: null,
      blocked: { by: 'FENCED' },
    })
    expect(engines.legacy.starts).toHaveLength(1)
    const other = open()
    expect(await other.start()).toMatchObject({ role: 'writer' })
    await gray.close()
    await other.close()
  })
})

describe('a lease that is taken away', () => {
  it('stops the engine, and the tab follows who has it now', async () => {
    const { world, engines, open } = createProfile()
    const stops = countStops(engines.legacy)
    const tab = world.tab()
    const first = open({}, tab)
    await first.start()
    const second = open()
    await second.start()
    tab.loseLocks()
    await awaitSnapshot(first, (s) => s.phase === 'running' && s.role === 'follower')
    await awaitSnapshot(second, isWriter)
    expect(stops.count).toBe(1)
    await second.close()
    await awaitSnapshot(first, isWriter)
    await first.close()
  })

  it('while the engine starts ends in one engine, which is the other tab’s', async () => {
    const { world, engines, open } = createProfile()
    const stops = countStops(engines.legacy)
    const { begun, go } = slow(engines.legacy)
    const tab = world.tab()
    const first = open({}, tab)
    const starting = first.start()
    await begun
    const second = open()
    await second.start()
    tab.loseLocks()
    await rest()
    go()
    await starting
    await awaitSnapshot(second, isWriter)
    await awaitSnapshot(first, (s) => s.phase === 'running' && s.role === 'follower')
    expect(stops.count).toBe(engines.legacy.starts.length - 1)
    await first.close()
    await second.close()
  })
})

describe('a send of an engine that was stopped', () => {
  it('does not stop the engine that runs now', async () => {
    const { world, engines, open } = createProfile()
    const tab = world.tab()
    const gray = open({}, tab)
    await gray.start()
    const fenced: number[] = []
    gray.on('fenced', ({ term }) => fenced.push(term))
    tab.live('pagehide')
    tab.live('pageshow')
    await expect.poll(() => engines.legacy.starts.length).toBe(2)
    await awaitSnapshot(gray, isWriter)
    await expect(send(engines.legacy, 0)).rejects.toMatchObject({ code: 'FENCED' })
    await rest()
    expect(gray.getSnapshot()).toMatchObject({ running: 'legacy', role: 'writer' })
    expect((await send(engines.legacy))?.status).toBe(404)
    expect(engines.legacy.starts).toHaveLength(2)
    expect(fenced).toEqual([])
    await gray.close()
  })

  it('is not started beside itself when it could not be stopped', async () => {
    const { world, engines, open } = createProfile()
    const { start } = engines.legacy
    engines.legacy.start = async (ctx) => void (await start(ctx))
    const tab = world.tab()
    const gray = open({}, tab)
    await gray.start()
    world.answer(() => new Response(null, { headers: { 'graysync-outcome': 'fenced' } }))
    await send(engines.legacy)
    expect(await awaitSnapshot(gray, ({ running }) => running === null)).toMatchObject({
      blocked: { by: 'FENCED' },
    })
    await rest()
    tab.live('pagehide')
    tab.live('pageshow')
    await rest()
    expect(engines.legacy.starts).toHaveLength(1)
    expect(gray.getSnapshot()).toMatchObject({ running: null, blocked: { by: 'FENCED' } })
    await gray.close()
  })

  it('is fenced once, however many requests come back with it', async () => {
    const { world, engines, open } = createProfile()
    const gray = open()
    await gray.start()
    const fenced: number[] = []
    gray.on('fenced', ({ term }) => fenced.push(term))
    world.answer(() => new Response(null, { headers: { 'graysync-outcome': 'fenced' } }))
    await Promise.allSettled([send(engines.legacy), send(engines.legacy), send(engines.legacy)])
    await expect.poll(() => engines.legacy.starts.length).toBe(2)
    expect(fenced).toHaveLength(1)
    const second = open()
    expect(await second.start()).toMatchObject({ role: 'follower' })
    await gray.close()
    await awaitSnapshot(second, isWriter)
    await second.close()
  })
})

describe('closing', () => {
  it('while the engine starts waits for its end: the next handle starts none beside it', async () => {
    const { engines, open } = createProfile()
    const { start } = engines.legacy
    let running = 0
    const most: number[] = []
    let begin = () => {}
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    engines.legacy.start = async (ctx) => {
      most.push(++running)
      begin()
      await gate
      return { ...(await start(ctx)), stop: () => void running-- }
    }
    const gray = open()
    void gray.start()
    await begun
    const closing = gray.close()
    const next = open()
    const starting = next.start()
    await rest()
    go()
    await closing
    await starting
    await awaitSnapshot(next, isWriter)
    expect(most).toEqual([1, 1])
    await next.close()
  })

  it('while the engine starts stops it, frees the lease and stays closed', async () => {
    const profile = createProfile()
    const { engines, open } = profile
    const stops = countStops(engines.legacy)
    const { begun, go } = slow(engines.legacy)
    const gray = open()
    const starting = gray.start()
    await begun
    await inTime(profile, gray.close())
    go()
    await starting
    await rest()
    expect(stops.count).toBe(1)
    expect(engines.legacy.starts[0]?.signal.aborted).toBe(true)
    expect(gray.getSnapshot().phase).toBe('closed')
    const next = open()
    expect(await next.start()).toMatchObject({ role: 'writer' })
    await next.close()
  })

  it('at once after the start leaves nothing that runs or holds', async () => {
    const { engines, open } = createProfile()
    const stops = countStops(engines.legacy)
    const gray = open()
    const starting = gray.start()
    await gray.close()
    await starting
    await rest()
    expect(gray.getSnapshot().phase).toBe('closed')
    expect(stops.count).toBe(engines.legacy.starts.length)
    const next = open()
    expect(await next.start()).toMatchObject({ role: 'writer' })
    await next.close()
  })

  it('starts no engine any more, also where the lease is lost while the one that runs still stops', async () => {
    const { world, engines, open } = createProfile()
    const { start } = engines.legacy
    let go = () => {}
    const stopped = new Promise<void>((resolve) => {
      go = resolve
    })
    engines.legacy.start = async (ctx) => ({ ...(await start(ctx)), stop: () => stopped })
    const tab = world.tab()
    const gray = open({}, tab)
    await gray.start()
    const closing = gray.close()
    await rest()
    tab.loseLocks()
    await rest()
    go()
    await closing
    await rest()
    expect(engines.legacy.starts.map(({ signal }) => signal.aborted)).toEqual([true])
    expect(await tab.locks()).toEqual([])
  })

  it('before the start opens nothing, whatever is asked of the handle afterwards', async () => {
    const { world, engines, open } = createProfile()
    const gray = open()
    const closing = gray.close()
    const starting = gray.start()
    await expect(gray.enqueue(put('a'))).rejects.toMatchObject({ code: 'CLOSED' })
    await closing
    expect(await starting).toMatchObject({ running: null })
    await rest()
    expect(gray.getSnapshot().phase).toBe('closed')
    expect(engines.legacy.starts).toEqual([])
    expect(await world.tab().locks()).toEqual([])
  })

  it('while the lease is being asked for gives it back once it comes', async () => {
    const { world, open } = createProfile()
    const tab = world.tab()
    const { lock } = tab
    let asked = () => {}
    const asking = new Promise<void>((resolve) => {
      asked = resolve
    })
    let answer = () => {}
    const answered = new Promise<void>((resolve) => {
      answer = resolve
    })
    tab.lock = async (name, o) => {
      asked()
      await answered
      return lock?.(name, o) ?? null
    }
    const gray = open({}, tab)
    const starting = gray.start()
    await asking
    await gray.close()
    answer()
    await starting
    await rest()
    const next = open()
    expect(await next.start()).toMatchObject({ role: 'writer' })
    await next.close()
  })

  it.each(['leader', 'follower'])('as a %s leaves no timer, channel or listener', async (role) => {
    const { world, engines, open } = createProfile()
    const other = open()
    if (role === 'follower') await other.start()
    const tab = world.tab()
    const { setTimer, channel, onLife } = tab
    const timers = new Set<object>()
    const channels = new Set<object>()
    const signals: AbortSignal[] = []
    tab.setTimer = (run, ms) => {
      const timer = {}
      timers.add(timer)
      const cancel = setTimer(() => {
        timers.delete(timer)
        run()
      }, ms)
      return () => {
        timers.delete(timer)
        cancel()
      }
    }
    tab.channel = (name, receive) => {
      const own = channel?.(name, receive)
      const opened = {}
      channels.add(opened)
      const close = () => {
        channels.delete(opened)
        own?.close()
      }
      return { post: (message) => own?.post(message), close }
    }
    tab.onLife = (listener, signal) => {
      signals.push(signal)
      onLife(listener, signal)
    }
    engines.legacy.knows = () => {
      throw new Error('not ready')
    }
    const gray = open(
      { consent: 'granted', sink: { send: async () => ({ status: 'retry' }) } },
      tab,
    )
    await gray.start()
    expect(gray.getSnapshot()).toMatchObject({ role: role === 'leader' ? 'writer' : 'follower' })
    const { settled } = await gray.enqueue(put('a'))
    await gray.feedback({ text: 'hello' })
    await rest()
    expect(timers.size).toBeGreaterThan(0)
    await gray.close()
    expect(await settled).toEqual({ status: 'deferred' })
    world.advance(200)
    await rest()
    expect([timers.size, channels.size]).toEqual([0, 0])
    expect(signals.length).toBeGreaterThan(0)
    expect(signals.filter((signal) => !signal.aborted)).toEqual([])
    await other.close()
  })

  it('twice at the same time tells it once', async () => {
    const gray = createProfile().open()
    await gray.start()
    let closed = 0
    gray.on('closed', () => {
      closed++
    })
    await Promise.all([gray.close(), gray.close()])
    expect(closed).toBe(1)
  })
})

describe('two handles in one page, as a double render makes them', () => {
  it('run one engine, and both take operations', async () => {
    const { world, engines, open } = createProfile()
    const tab = world.tab()
    const [one, two] = [open({}, tab), open({}, tab)]
    await Promise.all([one.start(), two.start()])
    expect(engines.legacy.starts).toHaveLength(1)
    const accepted = await Promise.all([one.enqueue(put('a')), two.enqueue(put('b'))])
    await expect.poll(() => engines.legacy.disk.queue.length).toBe(2)
    engines.legacy.acknowledge()
    for (const { settled } of accepted) expect(await settled).toMatchObject({ status: 'acked' })
    await one.close()
    await awaitSnapshot(two, isWriter)
    await two.close()
  })
})

describe('an engine that starts too late', () => {
  it('is stopped when it has, then started again, and never beside itself', async () => {
    const profile = createProfile()
    const { world, engines, open } = profile
    const { legacy } = engines
    const stops = countStops(legacy)
    const { begun, go } = slow(legacy)
    const { start } = legacy
    let tries = 0
    legacy.start = (ctx) => {
      tries++
      return start(ctx)
    }
    const gray = open()
    const starting = gray.start()
    await begun
    world.advance(15_000)
    await starting
    expect(await awaitSnapshot(gray, ({ phase }) => phase === 'running')).toMatchObject({
      running: null,
      blocked: { by: 'ENGINE_TIMEOUT' },
    })
    const { opId } = await gray.enqueue(put('a'))
    await pass(profile, 130_000)
    expect(tries).toBe(1)
    go()
    await expect.poll(() => stops.count).toBe(1)
    await pass(profile, 60_000)
    expect(gray.getSnapshot()).toMatchObject({ running: 'legacy', role: 'writer' })
    expect([tries, stops.count]).toEqual([2, 1])
    expect(queued(legacy)).toEqual([opId])
    await gray.close()
  })

  it('and can not be stopped is not started beside itself', async () => {
    const profile = createProfile()
    const { world, engines, open } = profile
    const { start } = engines.legacy
    engines.legacy.start = async (ctx) => {
      const { stop: _, ...running } = (await start(ctx)) ?? {}
      return running
    }
    const { begun, go } = slow(engines.legacy)
    const gray = open()
    const starting = gray.start()
    await begun
    world.advance(15_000)
    await starting
    go()
    await pass(profile, 130_000)
    expect(engines.legacy.starts).toHaveLength(1)
    expect(gray.getSnapshot()).toMatchObject({ running: null, blocked: { by: 'ENGINE_TIMEOUT' } })
    await gray.close()
  })
})

describe('tabs that open at the same moment', () => {
  it.each([0, 1, 2, 3, 5, 8])(
    'are one that leads, which boots once, and others that follow: %i turns apart',
    async (apart) => {
      const { engines, open } = createProfile()
      const tabs = [open(), open(), open()]
      const starting: Promise<Snapshot>[] = []
      for (const tab of tabs) {
        starting.push(tab.start())
        for (let turn = 0; turn < apart; turn++) await new Promise((go) => setImmediate(go))
      }
      await Promise.all(starting)
      await rest()
      expect(tabs.filter((tab) => isWriter(tab.getSnapshot()))).toHaveLength(1)
      expect(engines.legacy.starts.map(({ term }) => term)).toEqual([1])
      for (const tab of tabs) await tab.close()
    },
  )

  it('run one engine, also where one stands in line just as the other is given the lease', async () => {
    const { world, engines, open } = createProfile()
    const tab = world.tab()
    const { lock } = tab
    let give = () => {}
    const giving = new Promise<void>((resolve) => {
      tab.lock = async (name, o) => {
        const granted = (await lock?.(name, o)) ?? null
        if (!o.ifAvailable) return granted
        resolve()
        await new Promise<void>((go) => {
          give = go
        })
        return granted
      }
    })
    const [first, second] = [open({}, tab), open()]
    const starting = first.start()
    await giving
    expect(await second.start()).toMatchObject({ role: 'follower' })
    give()
    await starting
    await rest()
    expect([first, second].filter((one) => isWriter(one.getSnapshot()))).toHaveLength(1)
    expect(engines.legacy.starts.map(({ term }) => term)).toEqual([1])
    await first.close()
    await second.close()
  })
})
