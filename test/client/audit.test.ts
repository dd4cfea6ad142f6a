import { describe, expect, it } from 'vitest'
import type { GraySyncOptions } from '../../src/model/handle.js'
import type { RowOperation } from '../../src/testing.js'
import { memorySource, type Row, tablesOf } from '../consistency/memory.js'
import { createProfile, inTime } from '../support/session.js'

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
