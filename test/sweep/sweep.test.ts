import { beforeAll, describe, expect, it } from 'vitest'
import { loadSweep } from './bundle.js'
import type * as Run from './run.js'

const SEED = 1
const TIMEOUT_MS = 900_000

let run: typeof Run
beforeAll(async () => {
  run = await loadSweep()
})

describe('a handover', () => {
  it(
    'loses, doubles and reorders nothing, whatever happens at any of its events',
    async () => {
      const runs = run.SIZES.ci.crash
      const { failures, places } = await run.sweep({ kind: 'crash', runs, seed: SEED })
      expect(failures).toEqual([])
      expect(places).toBeGreaterThan(400)
      expect(runs).toBeGreaterThanOrEqual(places)
    },
    TIMEOUT_MS,
  )

  it(
    'is recovered from although the recovery fails too',
    async () => {
      const runs = run.SIZES.ci.double
      expect(await run.sweep({ kind: 'double', runs, seed: SEED })).toMatchObject({ failures: [] })
    },
    TIMEOUT_MS,
  )
})

describe('a profile', () => {
  it(
    'keeps every promise through a random life',
    async () => {
      const runs = run.SIZES.ci.life
      expect(await run.sweep({ kind: 'life', runs, seed: SEED })).toMatchObject({ failures: [] })
    },
    TIMEOUT_MS,
  )
})

describe('the sweep', { timeout: TIMEOUT_MS }, () => {
  it('does the same twice for one seed', async () => {
    const order = { kind: 'life', runs: 3, seed: 9 } as const
    const [first, second] = [await run.sweep(order), await run.sweep(order)]
    expect(second).toEqual(first)
    expect(first).toMatchObject({ runs: 3, failures: [] })
  })

  it('sees a server that loses what it said it took', async () => {
    const { failures } = await run.sweep({ kind: 'crash', runs: 3, seed: SEED, flaw: 'loses' })
    expect(failures.join()).toContain('was accepted and is lost')
  })

  it('sees a server that counts twice what it should know', async () => {
    const { failures } = await run.sweep({ kind: 'life', runs: 12, seed: SEED, flaw: 'forgets' })
    expect(failures.join()).toContain('took effect 2 times')
  })
})
