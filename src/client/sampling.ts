import { bucketOf, FULL_SHARE, isInShare } from '../decision/bucket.js'
import type { Telling } from '../model/record.js'
import type { Rollout } from '../model/rollout.js'

/**
 * Says whether a record is told. Metrics are sampled by device and never by record, so that a device's sums stay
 * whole; what has no substitute (feedback, errors, exposures) is always told.
 */
export function isTold({ lane }: Telling, rollout: Rollout | null, installation: string): boolean {
  const share = rollout?.telemetry?.sample
  if (!rollout || share === undefined || lane !== 'metric') return true
  return isInShare(bucketOf(`${rollout.hash.salt}/telemetry`, installation), share)
}

/** What each record says where the fleet is sampled: upstream must not miss the metrics of the rest. */
export function toSampleAttributes(rollout: Rollout | null): Record<string, number> {
  const share = rollout?.telemetry?.sample ?? FULL_SHARE
  return share < FULL_SHARE ? { 'graysync.sample': share } : {}
}
