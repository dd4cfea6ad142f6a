import type { Platform } from '../model/platform.js'
import type { Telling } from '../model/record.js'
import { makeRecord } from './record.js'

const FEATURES = 50
const LENGTH = 80
const OTHER = 'other'

/** What users do, counted by feature: one record a window, whatever happens in it. */
export interface UseWindow {
  count(feature: string): void
  /** Ends the window and begins the next; `null` where nothing was used. */
  end(): Telling | null
}

export function createUseWindow(platform: Pick<Platform, 'now'>): UseWindow {
  const counts = new Map<string, number>()
  return {
    count(feature) {
      const wanted = feature.slice(0, LENGTH)
      const name = counts.has(wanted) || counts.size < FEATURES ? wanted : OTHER
      counts.set(name, (counts.get(name) ?? 0) + 1)
    },
    end() {
      if (counts.size === 0) return null
      const named = [...counts].map(([feature, count]) => [`graysync.use.${feature}`, count])
      counts.clear()
      return makeRecord(platform, 'metric', 'graysync.use', Object.fromEntries(named))
    },
  }
}
