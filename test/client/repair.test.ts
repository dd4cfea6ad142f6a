import { describe, expect, it } from 'vitest'
import type { TelemetryRecord } from '../../src/model/record.js'
import type { Source } from '../../src/model/source.js'
import { memorySource, type Row, type Tables, tablesOf } from '../consistency/memory.js'
import { createProfile, inTime } from '../support/session.js'

const cards = ['a', 'b', 'c'].map((id): Row => ({ id, text: id }))

function writable(name: string, tables: Tables): Source {
  return {
    ...memorySource(name, tables),
    async rewrite(table, keys, change) {
      for (const key of keys) {
        const next = change(key, tables[table]?.get(key))
        if (next === null) tables[table]?.delete(key)
        else if (next) tables[table]?.set(key, structuredClone(next))
      }
    },
  }
}

/** A handle whose rows lack one and differ in another; the server is right. */
async function openDiverged() {
  const profile = createProfile()
  const device = tablesOf({ cards: structuredClone(cards) })
  device.cards?.delete('b')
  device.cards?.set('c', { id: 'c', text: 'wrong' })
  profile.engines.legacy.data = writable('device', device)
  const told: TelemetryRecord[] = []
  let hear = () => {}
  const undone = new Promise<void>((resolve) => {
    hear = resolve
  })
  const open = () =>
    profile.open({
      compare: { tables: { cards: {} } },
      consent: 'granted',
      sink: {
        async send({ records }) {
          told.push(...records.filter(({ name }) => name === 'graysync.repair'))
          if (told.length === 2) hear()
          return { status: 'accepted' }
        },
      },
    })
  const server = memorySource('server', tablesOf({ cards }))
  const gray = open()
  await gray.start()
  return { profile, device, server, gray, open, told, undone }
}

describe('a repair of a handle', () => {
  it('does nothing before it is told to, then what it showed, and takes it back', async () => {
    const { profile, device, server, gray, told, undone } = await openDiverged()
    const before = structuredClone(device)
    const report = await inTime(profile, gray.audit({ against: server }))
    const repair = await gray.repair({ against: server, winner: 'right', of: report })
    expect(repair.plan.steps.map(({ key, action, paths }) => [key, action, ...paths])).toEqual([
      ['b', 'put'],
      ['c', 'change', 'text'],
    ])
    expect(device).toEqual(before)
    expect(await repair.apply()).toEqual({ done: 2, outdated: 0, differing: 0 })
    expect(await inTime(profile, gray.audit({ against: server }))).toMatchObject({ clean: true })
    expect(await repair.undo()).toEqual({ done: 2, outdated: 0, differing: 2 })
    expect(device).toEqual(before)
    await inTime(profile, undone)
    await gray.close()
    expect(told.map(({ attributes }) => attributes['graysync.repair.action'])).toEqual([
      'apply',
      'undo',
    ])
    expect(JSON.stringify(told)).not.toMatch(/wrong|"b"/)
  })

  it('is taken back after a reload, by its id', async () => {
    const { profile, device, server, gray, open } = await openDiverged()
    const report = await inTime(profile, gray.audit({ against: server }))
    const { id, apply } = await gray.repair({ against: server, winner: 'right', of: report })
    await apply()
    await gray.close()
    const again = open()
    await again.start()
    const repair = await again.repair({ against: server, winner: 'right', of: id })
    expect(await repair.undo()).toMatchObject({ done: 2 })
    expect(device.cards?.get('c')).toEqual({ id: 'c', text: 'wrong' })
    const unknown = again.repair({ against: server, winner: 'right', of: 'nothing' })
    await expect(unknown).rejects.toMatchObject({ code: 'AUDIT' })
    await again.close()
  })

  it('leaves a row alone that changed since, and says so', async () => {
    const { profile, device, server, gray } = await openDiverged()
    const report = await inTime(profile, gray.audit({ against: server }))
    const repair = await gray.repair({ against: server, winner: 'right', of: report })
    device.cards?.set('c', { id: 'c', text: 'newer' })
    expect(await repair.apply()).toEqual({ done: 1, outdated: 1, differing: 1 })
    expect(device.cards?.get('c')).toEqual({ id: 'c', text: 'newer' })
    await gray.close()
  })

  it('is what an incremental audit says ended a divergence', async () => {
    const { profile, server, gray } = await openDiverged()
    const audit = () => inTime(profile, gray.audit({ against: server, incremental: true }))
    const repair = await gray.repair({ against: server, winner: 'right', of: await audit() })
    await repair.apply()
    const report = await audit()
    expect(report).toMatchObject({ clean: true })
    expect(report.tables[0]?.coverage).toMatchObject({ repaired: 2, resolved: 0 })
    await gray.close()
  })

  it('refuses to change a side that can not be written', async () => {
    const { profile, server, gray } = await openDiverged()
    const report = await inTime(profile, gray.audit({ against: server }))
    const repair = await gray.repair({ against: server, winner: 'left', of: report })
    await expect(repair.apply()).rejects.toThrow('source "server" can\'t be written')
    await gray.close()
  })
})
