import { readControl } from '../engine/control.js'
import { isGraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import { createTimers } from '../platform/timers.js'
import { connectControl } from '../store/control.js'

const FIRST_MS = 5_000
const LAST_MS = 60_000

/** Resolves once the control record of a page that began without one can be read; never where the page ends before. */
export function untilReadable(platform: Platform, signal: AbortSignal): Promise<void> {
  const { after, end } = createTimers(platform)
  signal.addEventListener('abort', end, { once: true })
  const control = connectControl(platform)
  return new Promise((resolve) => {
    const look = (pauseMs: number) =>
      after(pauseMs, () =>
        readControl(control)
          .catch(passNewer)
          .then(control.close)
          .then(resolve, () => look(Math.min(pauseMs * 2, LAST_MS))),
      )
    look(FIRST_MS)
  })
}

/** A record that only a newer build reads is one that opens: who begins anew then asks for an update. */
function passNewer(cause: unknown): void {
  if (!isGraySyncError(cause) || cause.code !== 'NEWER_STATE') throw cause
}
