import { murmur3 } from '../lib/murmur.js'

/** Shares count thousandths of a percent. */
export const FULL_SHARE = 100_000

const BUCKETS = 2 ** 32

/**
 * Hashes a subject to a bucket, an unsigned 32-bit integer: uniform over subjects, and independent between salts.
 *
 * @example
 * const bucket = bucketOf('sync-engine', 'user-1')
 */
export function bucketOf(salt: string, id: string): number {
  return murmur3(`${salt}:${id}`)
}

/** The first bucket outside of a share. It never falls as the share grows, so that a ramp only adds subjects. */
export function limitOf(share: number): number {
  return Math.floor((share * BUCKETS) / FULL_SHARE)
}

/**
 * Says whether a bucket lies in a share of 0 to 100,000.
 *
 * @example
 * isInShare(bucketOf('sync-engine', 'user-1'), 10_000) // one in ten
 */
export function isInShare(bucket: number, share: number): boolean {
  return bucket < limitOf(share)
}
