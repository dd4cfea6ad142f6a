import type { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'

/** Runs `work`, and gives up waiting after `ms` with the error that `late` makes. */
export async function withinTime<T>(
  platform: Pick<Platform, 'setTimer'>,
  ms: number,
  work: Promise<T>,
  late: () => GraySyncError,
): Promise<T> {
  let cancel = () => {}
  const timeout = new Promise<never>((_, reject) => {
    cancel = platform.setTimer(() => reject(late()), ms)
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    cancel()
  }
}
