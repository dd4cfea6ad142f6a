import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import { CLOSED, stepBreaker } from '../../src/engine/breaker.js'
import { readJournal } from '../../src/engine/journal.js'
import { keepScores, keepStep, readBreaker } from '../../src/engine/latch.js'
import { connectControl } from '../../src/store/control.js'
import { createWorld } from '../../src/testing.js'

const TRIP = { kind: 'trip', by: 'integrity', at: 7, epoch: 3 } as const
const SCORED = stepBreaker(CLOSED, { kind: 'failure', at: 7, epoch: 3 })

describe('what is kept of a breaker', () => {
  it('is a trip of another tab, which no score takes back', async () => {
    const control = connectControl(createWorld({ indexedDB: new IDBFactory() }).tab())
    expect(await keepScores(control, '2', SCORED)).toEqual(SCORED)
    const tripped = await keepStep(control, '2', TRIP, { at: 7, detail: { by: 'integrity' } })
    expect(tripped).toMatchObject({ state: 'tripped', trips: 1, epoch: 3 })
    expect(await keepScores(control, '2', SCORED)).toEqual(tripped)
    expect(await readBreaker(control, '2')).toEqual(tripped)
    control.close()
  })

  it('is how often it tripped, which no score of a tab that slept through it takes back', async () => {
    const control = connectControl(createWorld({ indexedDB: new IDBFactory() }).tab())
    await keepStep(control, '2', TRIP, { at: 7, detail: {} })
    const lifted = { kind: 'rollout', epoch: 4 } as const
    const kept = await keepStep(control, '2', lifted, { at: 8, detail: {} })
    expect(await keepScores(control, '2', SCORED)).toEqual(kept)
    expect(await readBreaker(control, '2')).toEqual({ ...CLOSED, trips: 1 })
    control.close()
  })

  it('is of one version, and its steps are in the journal', async () => {
    const control = connectControl(createWorld({ indexedDB: new IDBFactory() }).tab())
    await keepStep(control, '2', TRIP, { at: 7, detail: { by: 'integrity' } })
    const lifted = { kind: 'rollout', epoch: 4 } as const
    expect(await keepStep(control, '2', lifted, { at: 8, detail: { epoch: 4 } })).toEqual({
      ...CLOSED,
      trips: 1,
    })
    expect(await readBreaker(control, '3')).toEqual(CLOSED)
    expect((await readJournal(control)).entries).toMatchObject([
      { at: 7, kind: 'breaker.trip', detail: { version: '2', by: 'integrity' } },
      { at: 8, kind: 'breaker.rollout', detail: { version: '2', epoch: 4 } },
    ])
    control.close()
  })
})
