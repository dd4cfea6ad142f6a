import type { Platform } from '../model/platform.js'
import type { Telling } from '../model/record.js'
import type { RepairOutcome } from '../model/repair.js'
import { makeRecord } from './record.js'

/** What was done to rows by hand: counts, never keys or values. */
export interface Mending {
  action: 'apply' | 'undo'
  winner: 'left' | 'right'
  planned: number
  outcome: RepairOutcome
}

export function toRepairRecord(
  platform: Pick<Platform, 'now'>,
  { action, winner, planned, outcome }: Mending,
): Telling {
  return makeRecord(platform, 'exposure', 'graysync.repair', {
    'graysync.repair.action': action,
    'graysync.repair.winner': winner,
    'graysync.repair.planned': planned,
    'graysync.repair.done': outcome.done,
    'graysync.repair.outdated': outcome.outdated,
    'graysync.repair.differing': outcome.differing,
  })
}
