import { beforeAll, describe, expect, it } from 'vitest'
import type { Subject } from '../../src/model/decision.js'
import type { GraySyncOptions } from '../../src/model/handle.js'
import type { Rollout } from '../../src/model/rollout.js'
import type { RowOperation, Tab } from '../../src/testing.js'
import { memorySource, type Row, tablesOf } from '../consistency/memory.js'
import { makeKeys, type TestKeys } from '../support/rollout.js'
import { awaitEvent, type Client, createServed, visit } from '../support/served.js'
import { rest } from '../support/session.js'
import { passTime } from '../support/time.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const rows: Row[] = ['a', 'b'].map((id) => ({ id, text: id }))
const NOBODY = [{ name: 'all', share: 0 }]

let keys: TestKeys
beforeAll(async () => {
  keys = await makeKeys()
})

/** A profile with rows, whose server lacks one of them and notes when it was asked. */
async function createAudited(change: Partial<Rollout>, subject: Subject | null = { id: 'me' }) {
  const served = createServed(keys)
  await served.engines.legacy.store?.hydrate('cards', rows)
  const tables = tablesOf({ cards: rows.slice(1) })
  const server = { asked: 0, lastAt: 0, waits: [] as number[], isDown: false }
  const source = memorySource('server', tables, ({ keys }) => {
    if (keys !== null) return
    server.asked++
    const now = served.world.tab().monotonic()
    const waited = Math.floor((now - server.lastAt) / MINUTE_MS)
    // A minute is what the retries of one audit take here.
    if (waited > 1) server.waits.push(waited)
    server.lastAt = now
    if (server.isDown) throw new Error('nobody is there')
  })
  const options: Partial<GraySyncOptions<RowOperation>> = {
    server: source,
    subject,
    compare: { tables: { cards: {} } },
  }
  await served.publish({ version: 1, ...change })
  await visit(served, options)
  const pass = async (ms: number) => {
    for (let at = 0; at < ms; at += 30_000) {
      served.world.advance(30_000)
      await rest()
    }
  }
  return {
    served,
    server,
    pass,
    asked: () => server.asked,
    open: (tab?: Tab) => served.open(options, tab),
  }
}

const found = (gray: Client, world: Parameters<typeof passTime>[0]) =>
  passTime(world, awaitEvent(gray, 'divergenceFound'), 500)

describe('a handle that knows the server’s copy', () => {
  it('holds its rows against it at the interval of the rollout, and tells what differs', async () => {
    const { served, open, asked, pass } = await createAudited({
      stages: NOBODY,
      audit: { intervalMs: HOUR_MS },
    })
    const gray = open()
    await gray.start()
    expect(await found(gray, served.world)).toEqual({ table: 'cards', kind: 'missing', count: 1 })
    await pass(60_000)
    const once = asked()
    await pass(HOUR_MS / 2)
    expect(asked()).toBe(once)
    await pass(HOUR_MS)
    expect(asked()).toBeGreaterThan(once)
    expect(gray.getSnapshot()).toMatchObject({ phase: 'running', running: 'legacy' })
    await gray.close()
  })

  it('verifies a switch, whatever the sample, once', async () => {
    const { served, open, asked, pass } = await createAudited({
      stages: [{ name: 'all', share: 100_000 }],
      audit: { sample: 0 },
    })
    const gray = open()
    await gray.start()
    expect(gray.getSnapshot()).toMatchObject({ running: 'refactored' })
    await found(gray, served.world)
    await pass(60_000)
    const once = asked()
    await pass(2 * HOUR_MS)
    expect(asked()).toBe(once)
    // What an audit says never moves a profile.
    expect(gray.getSnapshot()).toMatchObject({ running: 'refactored', reload: 'none' })
    await gray.close()
  })

  it.each<[string, Partial<Rollout>]>([
    ['the rollout says nothing of audits', {}],
    ['the device is not in the sample', { audit: { sample: 0 } }],
  ])('asks nobody while %s', async (_, change) => {
    const { open, asked, pass } = await createAudited({ stages: NOBODY, ...change })
    const gray = open()
    await gray.start()
    await pass(2 * HOUR_MS)
    expect(asked()).toBe(0)
    await gray.close()
  })

  it('waits while nobody sees it', async () => {
    const { served, open, asked, pass } = await createAudited({ stages: NOBODY, audit: {} })
    const tab = served.world.tab()
    const gray = open(tab)
    await gray.start()
    tab.live('hidden')
    await pass(HOUR_MS)
    expect(asked()).toBe(0)
    tab.live('visible')
    await found(gray, served.world)
    await gray.close()
  })

  it('asks nobody while nobody is signed in, and within two minutes once somebody is', async () => {
    const { served, open, asked, pass } = await createAudited({ stages: NOBODY, audit: {} }, null)
    const gray = open()
    await gray.start()
    await pass(HOUR_MS)
    expect(asked()).toBe(0)
    await gray.identify({ id: 'me' })
    const began = served.world.tab().monotonic()
    await found(gray, served.world)
    expect(served.world.tab().monotonic() - began).toBeLessThan(2 * MINUTE_MS)
    await gray.close()
  })

  it('asks nobody while it is offline', async () => {
    const { served, open, asked, pass } = await createAudited({ stages: NOBODY, audit: {} })
    const gray = open()
    await gray.start()
    served.world.online = false
    await pass(HOUR_MS)
    expect(asked()).toBe(0)
    served.world.online = true
    await found(gray, served.world)
    await gray.close()
  })

  it('waits twice as long after each audit that failed, at most an hour, and not for another user', async () => {
    const { served, server, open, asked, pass } = await createAudited({ stages: NOBODY, audit: {} })
    server.isDown = true
    const gray = open()
    await gray.start()
    await pass(6 * HOUR_MS)
    expect(server.waits).toEqual([2, 4, 8, 16, 32, 60, 60, 60, 60])
    const before = asked()
    await gray.identify({ id: 'another' })
    await pass(2 * MINUTE_MS)
    expect(asked()).toBeGreaterThan(before)
    server.isDown = false
    await found(gray, served.world)
    await gray.close()
  })

  it('tells nothing of an audit under which the user changed', async () => {
    const { served, open, asked } = await createAudited({ stages: NOBODY })
    const gray = open()
    await gray.start()
    const told: unknown[] = []
    gray.on('divergenceFound', (event) => told.push(event))
    const audit = gray.audit()
    while (asked() === 0) await rest()
    await gray.identify({ id: 'another' })
    await expect(passTime(served.world, audit, 500)).rejects.toMatchObject({ code: 'AUDIT' })
    expect(told).toEqual([])
    await gray.close()
  })
})
