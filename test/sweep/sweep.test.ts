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

describe('a life of commands', { timeout: TIMEOUT_MS }, () => {
  it('keeps every promise, whatever they are and in whatever order', async () => {
    const runs = run.SIZES.ci.commands
    const tally = await run.sweep({ kind: 'commands', runs, seed: SEED })
    expect(tally).toMatchObject({ runs, failures: [] })
  })

  it('that goes wrong is cut down, and what is printed runs it again', async () => {
    const order = { kind: 'commands', runs: 20, seed: SEED, flaw: 'loses' } as const
    const [failure = ''] = (await run.sweep(order)).failures
    expect(failure).toContain('was accepted and is lost')
    expect(failure.split('\n').filter((line) => line.includes(' ms')).length).toBeLessThan(6)
    const [, path, replay] = /--path (\S+) --replay (\S+)/.exec(failure) ?? []
    if (!path || !replay) throw new Error(`nothing to replay in ${failure}`)
    const again = await run.sweep({ ...order, path, replay })
    expect(again.runs).toBe(1)
    expect(again.failures[0]).toContain('was accepted and is lost')
  })
})

describe('coordinators and writers in one profile', { timeout: TIMEOUT_MS }, () => {
  it('leave one owner, every operation and no step under another, in whatever order they act', async () => {
    const runs = run.SIZES.ci.interleavings
    const tally = await run.sweep({ kind: 'interleavings', runs, seed: SEED })
    expect(tally).toMatchObject({ runs, failures: [] })
  })
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
