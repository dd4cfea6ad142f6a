import { SURVEYS_NOTE } from '../model/notes.js'
import type { Survey } from '../model/record.js'

const DAY_MS = 86_400_000

/** How often somebody may be asked. */
export interface Pace {
  coolDownDays?: number
  most?: number
}

interface Shown {
  /** Epoch ms of the last time any survey was shown here. */
  at: number
  /** By survey, how often it was shown; answered ones for good. */
  counts: Readonly<Record<string, number>>
}

/** Notes that a survey is shown; `false` where it must not be. All tabs agree, where the browser has locks. */
export async function claimSurvey({
  id,
  coolDownDays = 30,
  most = 2,
}: Survey & Pace): Promise<boolean> {
  const claim = () => {
    const { at, counts } = read()
    const count = counts[id] ?? 0
    // A clock that went back must not silence it for ever, nor ask twice at once.
    const isCooling = Math.abs(Date.now() - at) < coolDownDays * DAY_MS
    if (count >= most || isCooling) return false
    return write({ at: Date.now(), counts: { ...counts, [id]: count + 1 } })
  }
  return navigator.locks ? navigator.locks.request(SURVEYS_NOTE, claim) : claim()
}

/** It was answered: it is never shown here again. */
export function dropSurvey(id: string): void {
  const { at, counts } = read()
  write({ at, counts: { ...counts, [id]: Number.MAX_SAFE_INTEGER } })
}

function read(): Shown {
  try {
    const shown: unknown = JSON.parse(localStorage.getItem(SURVEYS_NOTE) ?? '')
    return isShown(shown) ? shown : { at: 0, counts: {} }
  } catch {
    return { at: 0, counts: {} }
  }
}

/** Where nothing can be kept nobody is asked: they would be asked on every page. */
function write(shown: Shown): boolean {
  try {
    localStorage.setItem(SURVEYS_NOTE, JSON.stringify(shown))
    return true
  } catch {
    return false
  }
}

function isShown(value: unknown): value is Shown {
  return (
    typeof value === 'object' &&
    value !== null &&
    'at' in value &&
    typeof value.at === 'number' &&
    'counts' in value &&
    typeof value.counts === 'object' &&
    value.counts !== null
  )
}
