import { afterEach, describe, expect, it } from 'vitest'
import type { Held, PageLife, Platform } from '../../src/model/platform.js'
import { browserPlatform, detectPlatform } from '../../src/platform/platform.js'

const platform = browserPlatform()
const open = new AbortController()
let count = 0
const name = () => `graysync-test-${count}`

afterEach(() => {
  count++
  localStorage.clear()
})

type Lock = NonNullable<Platform['lock']>
const lock: Lock = (...args) => {
  if (!platform.lock) throw new Error('there are Web Locks here')
  return platform.lock(...args)
}
async function take(o: { ifAvailable?: boolean } = {}): Promise<Held> {
  const held = await lock(name(), { signal: open.signal, ...o })
  if (!held) throw new Error('the lock is taken')
  return held
}
const isHeld = async (): Promise<boolean> =>
  (await navigator.locks.query()).held?.some((one) => one.name === name()) ?? false

describe('a lock of the browser', () => {
  it('is held until it is released, and then lost', async () => {
    const held = await take()
    expect(await isHeld()).toBe(true)
    held.release()
    await held.lost
    expect(await isHeld()).toBe(false)
  })

  it('that is taken is not available, and is granted in line once it is free', async () => {
    const first = await take()
    expect(await lock(name(), { signal: open.signal, ifAvailable: true })).toBeNull()
    const second = take()
    first.release()
    const held = await second
    expect(await isHeld()).toBe(true)
    held.release()
    await held.lost
    const again = await take({ ifAvailable: true })
    again.release()
  })

  it('that somebody steals is lost', async () => {
    const held = await take()
    const stolen = navigator.locks.request(name(), { steal: true }, () => undefined)
    await held.lost
    await stolen
  })

  it('is waited for no longer than the signal says, and holds nothing afterwards', async () => {
    const held = await take()
    const abort = new AbortController()
    const waiting = lock(name(), { signal: abort.signal })
    const refused = expect(waiting).rejects.toThrow('enough')
    abort.abort(new Error('enough'))
    await refused
    held.release()
    await held.lost
    expect(await isHeld()).toBe(false)
  })

  it('that was granted is held although its signal ends', async () => {
    const abort = new AbortController()
    const held = await lock(name(), { signal: abort.signal })
    abort.abort()
    expect(await isHeld()).toBe(true)
    held?.release()
  })
})

describe('a channel of the browser', () => {
  it('reaches others of its name, not itself, until it is closed', async () => {
    if (!platform.channel) throw new Error('there are channels here')
    const heard: unknown[] = []
    const own: unknown[] = []
    const first = platform.channel(name(), (message) => own.push(message))
    let resolve = () => {}
    const last = new Promise<void>((done) => {
      resolve = done
    })
    const second = platform.channel(name(), (message) => {
      heard.push(message)
      if (message === 'last') resolve()
    })
    const other = platform.channel(`${name()}-other`, (message) => heard.push(message))
    first.post({ kind: 'control' })
    first.post('last')
    await last
    expect(heard).toEqual([{ kind: 'control' }, 'last'])
    expect(own).toEqual([])
    for (const channel of [first, second, other]) channel.close()
  })

  it('fails nobody who posts what can not be posted, or after the end', () => {
    const channel = platform.channel?.(name(), () => {})
    channel?.post(() => {})
    channel?.close()
    channel?.post('late')
  })
})

describe('the life of the page', () => {
  it('tells that it is kept where a page is kept with what it has open, and only then', () => {
    const heard: PageLife[] = []
    const { vendor } = navigator
    const act = (name: string) => {
      Object.defineProperty(navigator, 'vendor', { value: name, configurable: true })
      const abort = new AbortController()
      platform.onLife((life) => heard.push(life), abort.signal)
      for (const persisted of [false, true]) {
        dispatchEvent(new PageTransitionEvent('pagehide', { persisted }))
      }
      abort.abort()
    }
    act('Apple Computer, Inc.')
    act(vendor)
    expect(heard).toEqual(['pagehide', 'pagehide', 'kept', 'pagehide', 'pagehide'])
  })

  it('is heard until the signal ends', () => {
    const heard: PageLife[] = []
    const abort = new AbortController()
    platform.onLife((life) => heard.push(life), abort.signal)
    for (const life of ['pagehide', 'pageshow', 'online', 'offline']) {
      dispatchEvent(new Event(life))
    }
    document.dispatchEvent(new Event('visibilitychange'))
    expect(heard).toEqual(['pagehide', 'pageshow', 'online', 'offline', document.visibilityState])
    abort.abort()
    dispatchEvent(new Event('pagehide'))
    document.dispatchEvent(new Event('visibilitychange'))
    expect(heard).toHaveLength(5)
    expect(platform.visible()).toBe(document.visibilityState === 'visible')
    expect(platform.online()).toBe(navigator.onLine)
  })
})

describe('a note', () => {
  it('is read as it was written, and gone when it is taken back', () => {
    expect(platform.note.read(name())).toBeNull()
    platform.note.write(name(), 'refactored')
    expect(platform.note.read(name())).toBe('refactored')
    platform.note.write(name(), null)
    expect(platform.note.read(name())).toBeNull()
  })

  it('that can not be written or read fails nobody', () => {
    const { setItem, getItem } = Storage.prototype
    const refuse = () => {
      throw new DOMException('of a policy', 'SecurityError')
    }
    Storage.prototype.setItem = refuse
    Storage.prototype.getItem = refuse
    try {
      platform.note.write(name(), 'refactored')
      expect(platform.note.read(name())).toBeNull()
    } finally {
      Object.assign(Storage.prototype, { setItem, getItem })
    }
  })
})

describe('a pristine origin', () => {
  it('holds nothing but what graysync made', async () => {
    for (const { name: held } of await indexedDB.databases()) {
      if (held) indexedDB.deleteDatabase(held)
    }
    localStorage.clear()
    localStorage.setItem('graysync:owner', 'legacy')
    expect(await platform.pristine()).toBe(true)
    localStorage.setItem('syncQueueState', '[]')
    expect(await platform.pristine()).toBe(false)
    localStorage.removeItem('syncQueueState')
    await new Promise((resolve) => {
      const request = indexedDB.open('CardAllDB')
      request.onsuccess = () => {
        request.result.close()
        resolve(null)
      }
    })
    expect(await platform.pristine()).toBe(false)
    await new Promise((resolve) => {
      indexedDB.deleteDatabase('CardAllDB').onsuccess = resolve
    })
    expect(await platform.pristine()).toBe(true)
  })
})

describe('the clock of the browser', () => {
  it('runs a timer once, and not when it was cancelled', async () => {
    const runs: string[] = []
    const cancel = platform.setTimer(() => runs.push('cancelled'), 0)
    cancel()
    const since = platform.monotonic()
    await new Promise<void>((resolve) => {
      platform.setTimer(() => {
        runs.push('run')
        resolve()
      }, 5)
    })
    await platform.pause()
    expect(runs).toEqual(['run'])
    expect(platform.monotonic()).toBeGreaterThan(since)
    expect(Math.abs(platform.now() - Date.now())).toBeLessThan(1_000)
  })
})

describe('the platform of a page', () => {
  it('is there, with all that this browser has', () => {
    const found = detectPlatform()
    for (const member of ['lock', 'channel', 'stream', 'indexedDB', 'subtle'] as const) {
      expect(found?.[member]).not.toBeNull()
    }
    expect(found?.randomBytes(16)).toHaveLength(16)
  })
})
