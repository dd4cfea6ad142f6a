import type { Platform } from '../model/platform.js'
import type { Lane, SinkResult, Telling } from '../model/record.js'
import type { Settlement } from '../store/outbox-backlog.js'
import type { Drop } from '../store/outbox-log.js'
import { makeRecord } from './record.js'
import type { Sent } from './send.js'

export function toDropRecord(platform: Platform, drop: Drop): Telling {
  return makeRecord(platform, 'error', 'graysync.outbox.dropped', {
    'graysync.lane': drop.lane,
    'graysync.reason': drop.reason,
    'graysync.count': drop.count,
  })
}

/** What is taken out of the outbox after an attempt, and what is counted as given up. */
export function toSettlement(lane: Lane, sent: Sent): Settlement {
  const drops: Drop[] = [
    ...toRejections(lane, sent.rejected),
    { lane, reason: 'poison', count: sent.poison.length },
    { lane, reason: 'tooLarge', count: sent.tooLarge.length },
  ]
  return {
    rest: sent.rest,
    drops: drops.filter((drop) => drop.count > 0),
    dead: [...sent.poison, ...sent.tooLarge],
    refused: sent.refused,
  }
}

/** A file that upstream won't take goes; its entry has arrived already. */
export function toFileDrops(result: SinkResult): Drop[] {
  if (result.status !== 'refused' || result.because === 'config') return []
  return [{ lane: 'feedback', reason: result.because, count: 1 }]
}

export function toRejections(lane: Lane, count = 0): Drop[] {
  return count > 0 ? [{ lane, reason: 'rejected', count }] : []
}
