import { beforeAll, describe, expect, it } from 'vitest'
import type { Snapshot } from '../../src/model/handle.js'
import { makeKeys, type TestKeys } from '../support/rollout.js'
import { createServed, type Served, visit } from '../support/served.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const AWAY: [string, number][] = [
  ['1 minute', MINUTE],
  ['5 hours', 5 * HOUR],
  ['3 days', 3 * DAY],
  ['45 days', 45 * DAY],
]
const NOBODY = [{ name: 'all', share: 0 }]

let keys: TestKeys
beforeAll(async () => {
  keys = await makeKeys()
})

/** A start and its end; the answer is what the host saw between. */
async function restart(served: Served): Promise<Snapshot> {
  const gray = served.open()
  const snapshot = await gray.start()
  await gray.close()
  return snapshot
}

function leaveFor(served: Served, ms: number): void {
  served.world.online = false
  served.world.advance(ms)
}

describe.each(AWAY)('a start without the network after %s', (_, away) => {
  it('keeps a moved profile on refactored by the last good rollout', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, maxAgeMs: DAY })
    await visit(served)
    await restart(served)
    const before = await restart(served)
    expect(before).toMatchObject({ running: 'refactored', decision: { reason: 'KEPT' } })
    leaveFor(served, away)
    const after = await restart(served)
    expect(after).toMatchObject({ phase: 'running', running: 'refactored', reload: 'none' })
    expect(after.decision).toMatchObject({
      engine: 'refactored',
      reason: 'KEPT',
      version: 1,
      cached: true,
      stale: away > DAY,
    })
    expect(served.engines.legacy.starts).toHaveLength(1)
  })

  it('keeps a profile outside of the share on legacy, for the same reason', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, maxAgeMs: DAY, stages: NOBODY })
    await visit(served)
    expect((await restart(served)).decision).toMatchObject({ reason: 'OUT_OF_SHARE', stale: false })
    leaveFor(served, away)
    expect(await restart(served)).toMatchObject({
      running: 'legacy',
      decision: { reason: 'OUT_OF_SHARE', version: 1, cached: true, stale: away > DAY },
    })
    expect(served.engines.refactored.starts).toEqual([])
  })

  it('never is stale when the document sets no age', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1 })
    await visit(served)
    leaveFor(served, away)
    expect((await restart(served)).decision).toMatchObject({ cached: true, stale: false })
  })

  it('admits nobody new by a stale rollout that holds', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, maxAgeMs: DAY, onExpired: 'hold' })
    await visit(served)
    leaveFor(served, away)
    const isStale = away > DAY
    expect(await restart(served)).toMatchObject({
      running: isStale ? 'legacy' : 'refactored',
      decision: { reason: isStale ? 'NOT_ADMITTED' : 'IN_SHARE', stale: isStale },
    })
  })

  it.each(['keep', 'handover'] as const)(
    'leaves an owner of refactored there when a stale rollout holds, on shrink %s',
    async (onShrink) => {
      const served = createServed(keys)
      await served.publish({ version: 1, maxAgeMs: DAY, onExpired: 'hold', onShrink })
      await visit(served)
      await restart(served)
      const before = await restart(served)
      leaveFor(served, away)
      expect(await restart(served)).toMatchObject({
        running: 'refactored',
        reload: 'none',
        decision: { reason: before.decision?.reason, cached: true, stale: away > DAY },
      })
    },
  )
})

describe('a rollout with an age', () => {
  it('is stale from the first millisecond after it, and not before', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, maxAgeMs: DAY })
    await visit(served)
    leaveFor(served, DAY)
    expect((await restart(served)).decision?.stale).toBe(false)
    leaveFor(served, 1)
    expect((await restart(served)).decision?.stale).toBe(true)
  })

  it('outlives start after start without the network, and gives way to news at the first contact', async () => {
    const served = createServed(keys)
    await served.publish({ version: 1, maxAgeMs: DAY })
    await visit(served)
    await restart(served)
    for (const [, away] of AWAY) {
      leaveFor(served, away)
      expect(await restart(served)).toMatchObject({
        running: 'refactored',
        decision: { reason: 'KEPT', version: 1, cached: true },
      })
    }
    served.world.online = true
    await served.publish({ version: 2, kill: true })
    await visit(served)
    expect(await restart(served)).toMatchObject({
      running: 'legacy',
      decision: { reason: 'KILLED', version: 2 },
    })
  })
})
