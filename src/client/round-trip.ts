import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from '../platform/bound.js'

const TIMEOUT_MS = 5_000

/** One request to where the rollout comes from; `false` where nobody answers in time. */
export async function askRollout(platform: Platform, url: string | undefined): Promise<boolean> {
  if (!url || !platform.online()) return false
  const asking = platform.fetch(url, { method: 'HEAD', cache: 'no-store' })
  const late = () => new GraySyncError('NETWORK', 'no answer in time')
  return withinTime(platform, TIMEOUT_MS, asking, late).then(
    () => true,
    () => false,
  )
}
