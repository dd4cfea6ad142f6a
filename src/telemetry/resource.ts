import type { Platform } from '../model/platform.js'
import type { Telling } from '../model/record.js'
import { askRoom } from '../platform/room.js'
import type { Vitals } from '../platform/vitals.js'
import { makeRecord } from './record.js'

const DRIFT_MS = 100

/** Measures what the page has left: how late a timer comes and long tasks, which show a busy main thread; memory; the storage of the origin. */
export async function sampleResources(
  platform: Platform,
  vitals: Pick<Vitals, 'heapBytes' | 'takeLongTasks'>,
): Promise<Telling> {
  const startedAt = platform.monotonic()
  await new Promise<void>((resolve) => {
    platform.setTimer(resolve, DRIFT_MS)
  })
  const lateMs = Math.max(0, platform.monotonic() - startedAt - DRIFT_MS)
  const { usage, quota } = await askRoom(platform)
  const tasks = vitals.takeLongTasks()
  const heap = vitals.heapBytes()
  return makeRecord(platform, 'metric', 'graysync.resource.sample', {
    'graysync.timer.late.ms': lateMs,
    'graysync.visible': platform.visible(),
    ...(tasks && { 'graysync.longtasks': tasks.count, 'graysync.longtasks.ms': tasks.ms }),
    ...(heap !== null && { 'graysync.heap.bytes': heap }),
    ...(usage !== undefined && { 'graysync.storage.usage.bytes': usage }),
    ...(quota !== undefined && { 'graysync.storage.quota.bytes': quota }),
  })
}
