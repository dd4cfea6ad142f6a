import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bucketOf, FULL_SHARE, isInShare, limitOf } from '../../src/decision/bucket.js'
import { decide } from '../../src/decision/decide.js'
import { makeInput } from '../support/documents.js'
import { makeRollout } from '../support/rollout.js'

const share = fc.integer({ min: 0, max: FULL_SHARE })
const id = fc.oneof(fc.uuid(), fc.string({ unit: 'binary', minLength: 1 }))
const IDS = Array.from({ length: 100_000 }, (_, n) => `user-${n}`)

describe('a ramp', () => {
  test('only adds subjects: in at a share, in at every larger one', () => {
    fc.assert(
      fc.property(id, share, share, (id, a, b) => {
        const reasons = [Math.min(a, b), Math.max(a, b)].map(
          (share) =>
            decide(
              makeRollout({ stages: [{ name: 'all', share }] }),
              makeInput({ subject: { id } }),
            ).reason,
        )
        expect(reasons).not.toEqual(['IN_SHARE', 'OUT_OF_SHARE'])
      }),
      { numRuns: 2_000 },
    )
  })

  test('ends where nobody is out, and begins where nobody is in', () => {
    expect([limitOf(0), limitOf(FULL_SHARE)]).toEqual([0, 2 ** 32])
    expect(isInShare(2 ** 32 - 1, FULL_SHARE)).toBe(true)
    expect(isInShare(0, 0)).toBe(false)
  })

  test('moves in steps that are exact in whole numbers', () => {
    for (let share = 0; share <= FULL_SHARE; share += 7) {
      expect(BigInt(limitOf(share))).toBe((BigInt(share) * 2n ** 32n) / BigInt(FULL_SHARE))
    }
  })
})

describe('a share', () => {
  test.each([1_000, 10_000, 50_000])('of %d takes that part of the subjects', (share) => {
    const taken = IDS.filter((id) => isInShare(bucketOf('sync-engine', id), share)).length
    const expected = (IDS.length * share) / FULL_SHARE
    const deviation = Math.sqrt(expected * (1 - share / FULL_SHARE))
    expect(Math.abs(taken - expected)).toBeLessThan(4 * deviation)
  })

  test('of one salt is independent of the share of another, the holdout included', () => {
    for (const salt of ['sync-engine/holdout', 'sync-engine/shadow', 'other']) {
      const both = IDS.filter(
        (id) =>
          isInShare(bucketOf('sync-engine', id), 10_000) && isInShare(bucketOf(salt, id), 10_000),
      ).length
      expect(Math.abs(both - 1_000)).toBeLessThan(4 * Math.sqrt(1_000))
    }
  })
})
