import { describe, expect, it } from 'vitest'
import type { GraySyncOptions } from '../../src/model/handle.js'
import type { RowOperation } from '../../src/testing.js'
import { memorySource, type Row, tablesOf } from '../consistency/memory.js'
import { makeKeys, sign } from '../support/rollout.js'
import { createProfile, inTime, put, queued, rest } from '../support/session.js'
import { awaitSnapshot } from '../support/snapshot.js'

// Loaded when it is asked for, and here beforehand: a test waits for no file.
await import('../../src/client/desk.js')
await import('../../src/client/patrol.js')
await import('../../src/flows/audit.js')

const rows: Row[] = ['a', 'b', 'c'].map((id) => ({ id, text: id }))
const compare: GraySyncOptions<RowOperation>['compare'] = { tables: { cards: {} } }

/** A running handle whose legacy engine holds the rows, and a server that holds them too. */
async function openPair() {
  const profile = createProfile()
  await profile.engines.legacy.store?.hydrate('cards', rows)
  const tables = tablesOf({ cards: rows })
  return { profile, tables, server: memorySource('server', tables) }
}

describe('an incremental audit of a handle', () => {
  it('remembers a divergence when the page is opened anew, and tells how fresh it is', async () => {
    const { profile, tables, server } = await openPair()
    const first = profile.open({ compare })
    await first.start()
    tables.cards?.delete('b')
    const told: string[] = []
    first.on('divergenceFound', ({ table, kind, count }) => told.push(`${table} ${kind} ${count}`))
    const report = await inTime(profile, first.audit({ against: server, incremental: true }))
    expect(report.tables[0]).toMatchObject({ compared: 3, missing: 1 })
    expect(told).toEqual(['cards missing 1'])
    await first.close()
    tables.cards?.set('b', { id: 'b', text: 'b' })
    const second = profile.open({ compare })
    await second.start()
    const again = await inTime(profile, second.audit({ against: server, incremental: true }))
    expect(again).toMatchObject({ clean: true })
    expect(again.tables[0]?.coverage).toMatchObject({ tracked: false, resolved: 1 })
    await second.close()
  })

  it('leaves to the next one what is on its way', async () => {
    const { profile, tables, server } = await openPair()
    const gray = profile.open({ compare })
    await gray.start()
    const { settled } = await gray.enqueue({
      entity: 'cards',
      entityId: 'c',
      kind: 'put',
      row: { text: 'new' },
    })
    const flying = await inTime(profile, gray.audit({ against: server, incremental: true }))
    expect(flying.tables[0]).toMatchObject({ inFlight: 1, changed: 0 })
    profile.engines.legacy.acknowledge()
    await settled
    tables.cards?.set('c', { id: 'c', text: 'new' })
    expect(await inTime(profile, gray.audit({ against: server, incremental: true }))).toMatchObject(
      { clean: true },
    )
    await gray.close()
  })
})

describe('an audit of a tab that follows', () => {
  it('takes nothing out of the queue that another tab hands over meanwhile', async () => {
    const { profile, server } = await openPair()
    const { legacy, refactored } = profile.engines
    const exporter = legacy.queue?.exporter
    if (!exporter) throw new Error('the fake engine has an exporter')
    const first = profile.open({ compare })
    await first.start()
    const keys = await makeKeys()
    const rollout = { keys: [keys.public], bootstrap: await sign(keys, { version: 1 }) }
    const second = profile.open({ compare, rollout })
    await second.start()
    const third = profile.open({ compare })
    await third.start()
    const gate = { read: () => {}, open: () => {} }
    const isRead = new Promise<void>((resolve) => {
      gate.read = resolve
    })
    const opened = new Promise<void>((resolve) => {
      gate.open = resolve
    })
    const slow = {
      ...server,
      async page(...given: Parameters<typeof server.page>) {
        gate.read()
        await opened
        return server.page(...given)
      },
    }
    const auditing = third.audit({ against: slow }).catch(() => undefined)
    await isRead
    const { seal } = exporter
    exporter.seal = async (handover) => {
      // A tab of an older build writes there, after the handover has read it.
      if (legacy.disk.queue.every(({ opId }) => opId !== 'stale')) {
        legacy.disk.queue.push({ opId: 'stale', op: put('x'), userId: null, state: 'open' })
      }
      gate.open()
      await rest()
      await seal(handover)
    }
    await first.close()
    await inTime(
      profile,
      awaitSnapshot(second, (s) => s.phase === 'running' && s.role === 'writer'),
    )
    expect(second.getSnapshot()).toMatchObject({ running: 'refactored' })
    await inTime(profile, auditing)
    await expect.poll(() => queued(refactored)).toEqual(['stale'])
    await third.close()
    await second.close()
  })
})
