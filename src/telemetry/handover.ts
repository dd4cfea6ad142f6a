import type { ErrorCode } from '../model/errors.js'
import type { EngineName } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Telling } from '../model/record.js'
import { makeRecord } from './record.js'

/** How a handover ended. */
export interface Ending {
  id: string
  from: EngineName
  to: EngineName
  outcome: 'committed' | 'aborted'
  moved: number
  durationMs: number
  because?: ErrorCode
}

export function toHandoverRecord(
  platform: Pick<Platform, 'now'>,
  { id, from, to, outcome, moved, durationMs, because }: Ending,
): Telling {
  return makeRecord(platform, 'exposure', 'graysync.handover', {
    'graysync.handover.id': id,
    'graysync.handover.from': from,
    'graysync.handover.to': to,
    'graysync.handover.outcome': outcome,
    'graysync.handover.moved': moved,
    'graysync.handover.duration.ms': durationMs,
    ...(because !== undefined && { 'graysync.handover.because': because }),
  })
}
