import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import {
  connectControl,
  raiseFact,
  readFact,
  settleFact,
  writeFact,
} from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'

const open = () => connectControl(createWorld({ indexedDB: new IDBFactory() }).tab())

describe('a number that only grows', () => {
  it('takes what is higher or equal, and refuses what is lower', async () => {
    const control = open()
    expect(await raiseFact(control, 'version', 5)).toBe(true)
    expect(await raiseFact(control, 'version', 5)).toBe(true)
    expect(await raiseFact(control, 'version', 4)).toBe(false)
    expect(await readFact(control, 'version')).toBe(5)
    expect(await raiseFact(control, 'version', 9)).toBe(true)
    expect(await readFact(control, 'version')).toBe(9)
    control.close()
  })

  it.each(['text', Number.NaN, null, {}])(
    'starts anew where %j stands in its place',
    async (bad) => {
      const control = open()
      await writeFact(control, 'version', bad)
      expect(await raiseFact(control, 'version', 3)).toBe(true)
      expect(await readFact(control, 'version')).toBe(3)
      control.close()
    },
  )
})

describe('a fact that is settled', () => {
  it('is what the first gave, also when many ask at once', async () => {
    const control = open()
    const given = await Promise.all(
      ['a', 'b', 'c'].map((value) => settleFact(control, 'installation', () => value)),
    )
    expect(new Set(given).size).toBe(1)
    expect(await readFact(control, 'installation')).toBe(given[0])
    control.close()
  })
})
