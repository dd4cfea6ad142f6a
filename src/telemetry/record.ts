import { mintId } from '../lib/id.js'
import type { Platform } from '../model/platform.js'
import type { Lane, TelemetryRecord } from '../model/record.js'

export type Attributes = Readonly<Record<string, unknown>>

/** Makes a record of something that happens now. */
export function makeRecord(
  platform: Pick<Platform, 'now' | 'randomBytes'>,
  lane: Lane,
  name: string,
  attributes: Attributes,
): TelemetryRecord {
  const at = platform.now()
  return { uid: mintId(at, platform.randomBytes(16)), name, at, lane, attributes }
}
