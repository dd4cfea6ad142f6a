import type { Platform } from '../model/platform.js'
import type { Lane, Telling } from '../model/record.js'

export type Attributes = Readonly<Record<string, unknown>>

/** Makes a record of something that happens now. */
export function makeRecord(
  platform: Pick<Platform, 'now'>,
  lane: Lane,
  name: string,
  attributes: Attributes,
): Telling {
  return { name, at: platform.now(), lane, attributes }
}
