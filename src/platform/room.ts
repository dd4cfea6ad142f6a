import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from './bound.js'

const ANSWER_MS = 5_000

/** The room of this origin in bytes. Without an end where the browser can't say, or doesn't in time: what is too much finds out. */
export async function readRoom(platform: Platform): Promise<{ usage: number; quota: number }> {
  const late = () => new GraySyncError('QUOTA', 'the browser does not say how much room there is')
  const estimate: Awaited<ReturnType<Platform['estimate']>> = await withinTime(
    platform,
    ANSWER_MS,
    platform.estimate(),
    late,
  ).catch(() => ({}))
  const { usage = 0, quota = Number.POSITIVE_INFINITY } = estimate
  return { usage, quota }
}
