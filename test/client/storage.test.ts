import { describe, expect, it } from 'vitest'
import { openControl } from '../../src/store/control.js'
import type { Tab } from '../../src/testing.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, inTime, put, queued, rest } from '../support/session.js'
import { awaitSnapshot } from '../support/snapshot.js'

const keys = await makeKeys()

describe('a full disk', () => {
  it('at the very first start leaves the user with legacy, and says why', async () => {
    const faulty = createFaultyFactory()
    faulty.full = true
    const { engines, open } = createProfile({ indexedDB: faulty.factory })
    const gray = open()
    const codes: string[] = []
    gray.on('error', ({ code }) => codes.push(code))
    expect(await gray.start()).toMatchObject({
      phase: 'running',
      running: 'legacy',
      role: 'writer',
      blocked: { by: 'QUOTA' },
    })
    expect(codes).toContain('QUOTA')
    expect(engines.legacy.starts).toHaveLength(1)
    await expect(gray.enqueue(put('a'))).rejects.toMatchObject({ code: 'QUOTA' })
    faulty.full = false
    const { opId } = await gray.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await gray.close()
  })

  it('at the very first start leaves the user with legacy also once there is room, since nobody can say what it holds', async () => {
    const faulty = createFaultyFactory()
    const profile = createProfile({ indexedDB: faulty.factory, pristine: true })
    const { queue, ...silent } = profile.engines.legacy
    const engines = { ...profile.engines, legacy: silent }
    const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
    const tab = profile.world.tab()
    faulty.full = (stores) => stores.contains('journal')
    const gray = profile.open({ engines, rollout }, tab)
    expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: 'QUOTA' } })
    faulty.full = false
    tab.live('pagehide')
    tab.live('pageshow')
    await awaitSnapshot(gray, ({ phase, running }) => phase === 'running' && running !== null)
    await rest()
    expect(gray.getSnapshot()).toMatchObject({ running: 'legacy', blocked: { by: 'NO_QUEUE' } })
    await gray.close()
  })

  it('at a later start leaves the owner running, whose sends go out', async () => {
    const faulty = createFaultyFactory()
    const { world, engines, open } = createProfile({ indexedDB: faulty.factory })
    const before = open()
    await before.start()
    await before.close()
    faulty.full = true
    const gray = open()
    expect(await gray.start()).toMatchObject({ running: 'legacy', blocked: { by: 'QUOTA' } })
    world.answer(() => new Response('ok'))
    const answer = await engines.legacy.starts[1]?.fetch('https://x.test/', { method: 'POST' })
    expect(await answer?.text()).toBe('ok')
    await gray.close()
  })

  it('takes what the user chooses for this session, and throws nothing at the host', async () => {
    const faulty = createFaultyFactory()
    const { open } = createProfile({ indexedDB: faulty.factory })
    const gray = open()
    await gray.start()
    const told: string[] = []
    gray.on('error', ({ code }) => told.push(code))
    faulty.full = true
    expect(await gray.prefer('refactored')).toMatchObject({ phase: 'running', running: 'legacy' })
    await gray.setConsent('granted')
    expect(told).toEqual(['QUOTA', 'QUOTA'])
    faulty.full = false
    await gray.close()
  })

  it('rejects an operation, and its promise is nobody’s', async () => {
    const faulty = createFaultyFactory()
    const { engines, open } = createProfile({ indexedDB: faulty.factory })
    const gray = open()
    await gray.start()
    faulty.full = true
    await expect(gray.enqueue(put('a'))).rejects.toMatchObject({ code: 'QUOTA' })
    faulty.full = false
    expect(await gray.openOperations()).toEqual([])
    await rest()
    expect(queued(engines.legacy)).toEqual([])
    await gray.close()
  })
})

describe('connections that die', () => {
  it('are opened again under a running session', async () => {
    const faulty = createFaultyFactory()
    const { engines, open } = createProfile({ indexedDB: faulty.factory })
    const gray = open()
    await gray.start()
    faulty.cut()
    const { opId, settled } = await gray.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    faulty.cut()
    engines.legacy.acknowledge()
    expect(await settled).toMatchObject({ status: 'acked' })
    await gray.close()
  })

  it('and can not be opened at first can be opened later', async () => {
    const faulty = createFaultyFactory()
    const { world, engines, open } = createProfile({ indexedDB: faulty.factory })
    const gray = open()
    await gray.start()
    faulty.cut()
    faulty.hangs = true
    const refused = expect(gray.enqueue(put('a'))).rejects.toMatchObject({ code: 'STORE_BLOCKED' })
    await rest()
    world.advance(2_000)
    await refused
    faulty.hangs = false
    const { opId } = await gray.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await gray.close()
  })
})

/** As a user clears the data of a site: nothing tells the page. */
function clearControl({ indexedDB }: Tab): Promise<Event> {
  return new Promise((resolve) => {
    indexedDB?.deleteDatabase('graysync-control').addEventListener('success', resolve)
  })
}

describe('storage that is cleared under a running page', () => {
  it('is told once; the engine stops sending and starts anew, as on a first start', async () => {
    const { world, engines, open } = createProfile()
    const tab = world.tab()
    const gray = open({}, tab)
    await gray.start()
    const told: string[] = []
    gray.on('error', ({ code, message }) => told.push(`${code} ${message}`))
    await clearControl(tab)
    world.answer(() => new Response('ok'))
    const [ctx] = engines.legacy.starts
    const send = (from = ctx) => from?.fetch('https://x.test/', { method: 'POST', body: 'a' })
    for (const _ of ['a', 'b']) await expect(send()).rejects.toMatchObject({ code: 'FENCED' })
    await expect.poll(() => engines.legacy.starts.length).toBe(2)
    expect(await (await send(engines.legacy.starts[1]))?.text()).toBe('ok')
    expect(told).toEqual([expect.stringMatching(/^STORE storage was cleared/)])
    const { opId } = await gray.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await gray.close()
    const next = open()
    expect(await next.start()).toMatchObject({ running: 'legacy', role: 'writer' })
    await next.close()
  })
})

describe('storage that is cleared under a page whose engine has nothing to send', () => {
  it.each(['the same', 'another'])(
    'is noticed at the next operation, of %s tab, which the engine is handed',
    async (which) => {
      const { world, engines, open } = createProfile()
      const tab = world.tab()
      const gray = open({}, tab)
      await gray.start()
      const other = open()
      await other.start()
      const told: string[] = []
      gray.on('error', ({ code }) => told.push(code))
      await clearControl(tab)
      const { opId } = await (which === 'another' ? other : gray).enqueue(put('a'))
      await expect.poll(() => queued(engines.legacy)).toEqual([opId])
      expect(told).toEqual(['STORE'])
      await gray.close()
      await other.close()
    },
  )
})

describe('databases that can not be opened', () => {
  it('give legacy to one tab only', async () => {
    const faulty = createFaultyFactory()
    const { world, engines, open } = createProfile({ indexedDB: faulty.factory })
    const leader = open()
    await leader.start()
    faulty.hangs = true
    const late = open()
    const starting = late.start()
    await rest()
    world.advance(2_000)
    expect(await starting).toMatchObject({
      running: null,
      role: 'follower',
      blocked: { by: 'STORE_BLOCKED' },
    })
    expect(engines.legacy.starts).toHaveLength(1)
    await expect(late.enqueue(put('a'))).rejects.toMatchObject({ code: 'NO_QUEUE' })
    await leader.close()
    await rest()
    expect(late.getSnapshot()).toMatchObject({ running: 'legacy', role: 'writer' })
    await late.close()
  })

  it('do not stop a session where only what can be upgraded is of a newer build', async () => {
    const { world, engines, open } = createProfile()
    const factory = world.tab().indexedDB
    await new Promise((resolve) => {
      const request = factory?.open('graysync', 99)
      request?.addEventListener('success', () => {
        request.result.close()
        resolve(null)
      })
    })
    const gray = open()
    expect(await gray.start()).toMatchObject({ running: 'legacy', reload: 'none' })
    const { opId } = await gray.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toEqual([opId])
    await gray.close()
  })
})

describe('old operations that can not be swept', () => {
  it('do not end the session', async () => {
    const { world, engines, open } = createProfile()
    const platform = world.tab()
    const before = open({}, platform)
    await before.start()
    await before.enqueue(put('a'))
    await expect.poll(() => queued(engines.legacy)).toHaveLength(1)
    engines.legacy.acknowledge()
    await expect.poll(() => before.openOperations()).toEqual([])
    await before.close()
    world.advance(40 * 86_400_000)
    const { getAll } = IDBObjectStore.prototype
    IDBObjectStore.prototype.getAll = function (query, count) {
      if (this.name === 'oplog') throw new DOMException('of the disk', 'DataError')
      return getAll.call(this, query, count)
    }
    try {
      const gray = open()
      expect(await gray.start()).toMatchObject({ phase: 'running', running: 'legacy' })
      await rest()
      expect(gray.getSnapshot().phase).toBe('running')
      await gray.close()
    } finally {
      IDBObjectStore.prototype.getAll = getAll
    }
    const db = await openControl(platform)
    expect(await db.count('oplog')).toBe(1)
    db.close()
  })
})

describe('a database that stalls', () => {
  it('does not keep a handle from closing, and the lease from the next', async () => {
    const faulty = createFaultyFactory()
    const { world, open } = createProfile({ indexedDB: faulty.factory })
    const sink = { send: async () => ({ status: 'accepted' as const }) }
    const gray = open({ sink, consent: 'granted' })
    await gray.start()
    await gray.feedback({ text: 'before' })
    faulty.stalls = 'graysync'
    gray.feedback({ text: 'hangs' }).catch(() => undefined)
    await rest()
    const closing = gray.close()
    await rest()
    world.advance(2_000)
    await closing
    faulty.stalls = null
    const next = open()
    expect(await next.start()).toMatchObject({ role: 'writer' })
    await next.close()
  })

  it('where the engine’s end is to be written does not keep the lease from the next either', async () => {
    const faulty = createFaultyFactory()
    const profile = createProfile({ indexedDB: faulty.factory })
    const gray = profile.open()
    await gray.start()
    faulty.stalls = 'graysync-control'
    await inTime(profile, gray.close())
    faulty.stalls = null
    const next = profile.open()
    expect(await next.start()).toMatchObject({ role: 'writer' })
    await next.close()
  })

  it('at the start is told: the start is bounded, and says that it goes on', async () => {
    const faulty = createFaultyFactory()
    const { world, open } = createProfile({ indexedDB: faulty.factory })
    faulty.stalls = 'graysync-control'
    const gray = open()
    const codes: string[] = []
    gray.on('error', ({ code }) => codes.push(code))
    const starting = gray.start()
    await rest()
    world.advance(3_000)
    expect(await starting).toMatchObject({ phase: 'starting' })
    expect(codes).toEqual(['ENGINE_TIMEOUT'])
    gray.close().catch(() => undefined)
  })
})

describe('a handle that does not open', () => {
  it('can be closed, and stays closed when it opens at last', async () => {
    const profile = createProfile()
    const { world, engines } = profile
    const tab = world.tab()
    let answer = () => {}
    const gate = new Promise<void>((resolve) => {
      answer = resolve
    })
    const { subtle } = globalThis.crypto
    const importKey = async (...given: Parameters<SubtleCrypto['importKey']>) => {
      await gate
      return subtle.importKey(...given)
    }
    tab.subtle = { importKey, verify: subtle.verify.bind(subtle) } as SubtleCrypto
    const keys = await makeKeys()
    const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
    const gray = profile.open({ rollout }, tab)
    void gray.start()
    await rest()
    await inTime(profile, gray.close())
    expect(gray.getSnapshot().phase).toBe('closed')
    answer()
    await rest()
    expect(gray.getSnapshot().phase).toBe('closed')
    expect(engines.legacy.starts).toEqual([])
    expect(await tab.locks()).toEqual([])
  })
})

describe('a handle that could not be opened', () => {
  it('throws nothing at the host that binds a user', async () => {
    const { world, open } = createProfile()
    const tab = world.tab()
    tab.channel = () => {
      throw new Error('of the browser')
    }
    const gray = open({}, tab)
    expect(await gray.start()).toMatchObject({ phase: 'halted' })
    expect(await gray.identify({ id: 'ann' })).toMatchObject({ phase: 'halted' })
    await gray.close()
  })
})
