import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { createSeen } from '../../src/client/profile.js'
import { connectControl } from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'

describe('the highest version seen', () => {
  it.each(['on disk', 'in memory'])('%s only rises, and is known again', async (where) => {
    const control =
      where === 'on disk'
        ? connectControl(createWorld({ indexedDB: new IDBFactory() }).tab())
        : null
    const seen = createSeen(control)
    expect(await seen.read()).toEqual({ version: 0 })
    const answers: boolean[] = []
    for (const version of [5, 3, 4, 5, 6]) answers.push(await seen.raise(version))
    expect(answers).toEqual([true, false, false, true, true])
    expect(await seen.read()).toEqual({ version: 6 })
    control?.close()
  })
})
