import type { Platform } from '../model/platform.js'
import type { Telling } from '../model/record.js'
import { makeRecord } from './record.js'

/** The refactored engine was given up on this device: it counts as one that failed in the arm it was drawn into. */
export function toTripRecord(
  platform: Pick<Platform, 'now' | 'randomBytes'>,
  { by, version }: { by: string; version: string | null },
): Telling {
  return makeRecord(platform, 'error', 'graysync.trip', {
    'graysync.trip.by': by,
    'graysync.engine.version': version ?? '',
  })
}
