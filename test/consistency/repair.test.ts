import { describe, expect, it } from 'vitest'
import {
  applyRepair,
  planRepair,
  type RepairSides,
  undoRepair,
} from '../../src/consistency/repair.js'
import { audit } from '../../src/flows/audit.js'
import type { UndoStep } from '../../src/model/repair.js'
import type { AuditReport, Source } from '../../src/model/source.js'
import { auditPlatform, memorySource, type Row, type Tables, tablesOf } from './memory.js'

const rules = {
  tables: { cards: { ignore: ['sync'], defaults: { color: ['blue', 'red'] } }, tags: {} },
}

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

const at = new Date(5)

function makeStores(): { left: Tables; right: Tables } {
  return {
    left: tablesOf({
      cards: [
        {
          id: 1,
          text: 'a',
          sync: 'l',
          body: { tags: ['x', 'y'], at: '2020-01-01T00:00:00.000Z' },
          note: 'n',
        },
        { id: 2, text: 'only left', sync: 'l' },
        { id: 4, text: 'same', color: 'blue' },
      ],
      tags: [{ id: 't', name: 'left' }],
    }),
    right: tablesOf({
      cards: [
        { id: 1, text: 'b', sync: 'r', body: { tags: ['x', 'z'], at }, more: true },
        { id: 3, text: 'only right' },
        { id: 4, text: 'same', color: 'red' },
      ],
      tags: [{ id: 't', name: 'right' }],
    }),
  }
}

function run({ left, right }: RepairSides): Promise<AuditReport> {
  return audit({ platform: auditPlatform(), left, right, rules, inFlight: () => false })
}

async function plan(winner: 'left' | 'right' = 'left') {
  const stores = makeStores()
  const sides = {
    left: writable('left', stores.left),
    right: writable('right', stores.right),
    rules,
  }
  const { divergences } = await run(sides)
  return { stores, sides, plan: await planRepair({ ...sides, divergences, winner }) }
}

const nothing = async () => undefined

describe('a plan', () => {
  it('says what it would do, and holds no value', async () => {
    const { plan: made } = await plan()
    expect(made.steps.map(({ table, key, action, paths }) => [table, key, action, paths])).toEqual([
      ['cards', 1, 'change', ['body.at', 'body.tags.1', 'more', 'note', 'text']],
      ['cards', 2, 'put', []],
      ['cards', 3, 'delete', []],
      ['tags', 't', 'change', ['name']],
    ])
    expect(JSON.stringify(made)).not.toContain('only')
  })

  it('does the opposite for the other winner', async () => {
    const { plan: made } = await plan('right')
    expect(made.steps.map(({ key, action }) => `${key} ${action}`)).toEqual([
      '1 change',
      '2 delete',
      '3 put',
      't change',
    ])
  })

  it('leaves out what is equal by now', async () => {
    const { stores, sides } = await plan()
    const { divergences } = await run(sides)
    stores.right.tags?.set('t', { id: 't', name: 'left' })
    const later = await planRepair({ ...sides, divergences, winner: 'left' })
    expect(later.steps.map(({ table }) => table)).not.toContain('tags')
  })
})

describe('a repair', () => {
  it.each(['left', 'right'] as const)('makes both sides equal as %s has it', async (winner) => {
    const { sides, plan: made } = await plan(winner)
    expect(await applyRepair({ ...sides, plan: made, keep: nothing })).toEqual({
      done: 4,
      outdated: 0,
    })
    expect(await run(sides)).toMatchObject({ clean: true })
  })

  it('takes over what diverges, and leaves the rest to its engine', async () => {
    const { stores, sides, plan: made } = await plan()
    await applyRepair({ ...sides, plan: made, keep: nothing })
    expect(stores.right.cards?.get(1)).toEqual({
      id: 1,
      text: 'a',
      sync: 'r',
      body: { tags: ['x', 'y'], at: new Date('2020-01-01T00:00:00.000Z') },
      note: 'n',
    })
    expect(stores.right.cards?.get(4)).toEqual({ id: 4, text: 'same', color: 'red' })
  })

  it('gives a missing row the shape of the side that lacks it', async () => {
    const { stores, sides, plan: made } = await plan()
    const convert = (table: string, row: Row) => ({ ...row, sync: `made for ${table}` })
    await applyRepair({ ...sides, plan: made, keep: nothing, convert })
    expect(stores.right.cards?.get(2)).toMatchObject({ sync: 'made for cards' })
  })

  it('does nothing the second time', async () => {
    const { sides, plan: made } = await plan()
    await applyRepair({ ...sides, plan: made, keep: nothing })
    expect(await applyRepair({ ...sides, plan: made, keep: nothing })).toEqual({
      done: 0,
      outdated: 4,
    })
  })

  it('loses against the user on either side, also at the last moment', async () => {
    const { stores, sides, plan: made } = await plan()
    stores.left.cards?.set(1, { id: 1, text: 'the user was here' })
    const keep = async () => {
      stores.right.cards?.set(3, { id: 3, text: 'and here' })
    }
    expect(await applyRepair({ ...sides, plan: made, keep })).toEqual({ done: 2, outdated: 2 })
    expect(stores.right.cards?.get(1)).toMatchObject({ text: 'b' })
    expect(stores.right.cards?.get(3)).toMatchObject({ text: 'and here' })
  })

  it('can be taken back, but for what was written since', async () => {
    const { stores, sides, plan: made } = await plan()
    const before = structuredClone(stores.right)
    const kept: UndoStep[] = []
    await applyRepair({
      ...sides,
      plan: made,
      keep: async (undo) => {
        kept.push(...undo)
      },
    })
    stores.right.tags?.set('t', { id: 't', name: 'the user again' })
    expect(await undoRepair(sides.right, kept)).toEqual({ done: 3, outdated: 1 })
    expect(stores.right.cards).toEqual(before.cards)
    expect(stores.right.tags?.get('t')).toMatchObject({ name: 'the user again' })
  })

  it('keeps the way back before it does a step', async () => {
    const { stores, sides, plan: made } = await plan()
    const before = structuredClone(stores.right)
    const keep = () => Promise.reject(new Error('disk full'))
    await expect(applyRepair({ ...sides, plan: made, keep })).rejects.toThrow('disk full')
    expect(stores.right).toEqual(before)
  })

  it('of a side that can not be written says so', async () => {
    const { sides, plan: made, stores } = await plan()
    const right = memorySource('cloud', stores.right)
    await expect(applyRepair({ ...sides, right, plan: made, keep: nothing })).rejects.toMatchObject(
      {
        code: 'AUDIT',
        message: 'source "cloud" can\'t be written',
      },
    )
  })
})
