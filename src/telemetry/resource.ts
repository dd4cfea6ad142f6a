import type { Platform } from '../model/platform.js'
import type { TelemetryRecord } from '../model/record.js'
import { makeRecord } from './record.js'

const DRIFT_MS = 100

/** Measures what the page has left: how late a timer comes, which shows a busy main thread, and the storage of the origin. */
export async function sampleResources(platform: Platform): Promise<TelemetryRecord> {
  const startedAt = platform.monotonic()
  await new Promise<void>((resolve) => {
    platform.setTimer(resolve, DRIFT_MS)
  })
  const lateMs = Math.max(0, platform.monotonic() - startedAt - DRIFT_MS)
  const { usage, quota } = await platform.estimate()
  return makeRecord(platform, 'metric', 'graysync.resource.sample', {
    'graysync.timer.late.ms': lateMs,
    'graysync.visible': platform.visible(),
    ...(usage !== undefined && { 'graysync.storage.usage.bytes': usage }),
    ...(quota !== undefined && { 'graysync.storage.quota.bytes': quota }),
  })
}
