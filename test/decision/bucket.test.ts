import { describe, expect, test } from 'vitest'
import { bucketOf, FULL_SHARE, limitOf } from '../../src/decision/bucket.js'
import { decide } from '../../src/decision/decide.js'
import { makeInput } from '../support/documents.js'
import { makeRollout } from '../support/rollout.js'

// murmur3_x86_32 of 'salt:user-1' and of 'sync-engine:Jürgen Groß', as in the table of vectors.
const SALTED = 284_266_604
const NAMED = 2_949_270_135

describe('a bucket', () => {
  test('is the hash of salt, colon and id', () => {
    expect(bucketOf('salt', 'user-1')).toBe(SALTED)
    expect(bucketOf('sync-engine', 'Jürgen Groß')).toBe(NAMED)
    expect(decide(makeRollout(), makeInput()).bucket).toBe(SALTED)
  })

  test('on the edge of a share is out of it, and in the next', () => {
    const edge = findEdge()
    const reasonAt = (share: number) =>
      decide(
        makeRollout({ stages: [{ name: 'all', share }] }),
        makeInput({ subject: { id: edge.id } }),
      ).reason
    expect(reasonAt(edge.share)).toBe('OUT_OF_SHARE')
    expect(reasonAt(edge.share + 1)).toBe('IN_SHARE')
  })
})

/** A subject whose bucket is exactly the first one outside of a share. */
function findEdge(): { id: string; share: number } {
  for (let n = 0; ; n++) {
    const id = `user-${n}`
    const bucket = bucketOf('salt', id)
    const share = Math.ceil((bucket * FULL_SHARE) / 2 ** 32)
    if (limitOf(share) === bucket && share < FULL_SHARE) return { id, share }
  }
}
