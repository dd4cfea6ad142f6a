import type { Platform } from '../model/platform.js'

const NOTE = 'graysync:boots'
const HEALTHY_MS = 60_000

/**
 * Counts the boots of an engine that were neither in health for a minute nor over in order: what is left is a page that died.
 * A note, not a fact of the control record: a page that is being closed can write nothing else for certain.
 */
export interface Boots {
  count(): number
  /** Before the engine starts, which the signal ends; the answer says that it did. */
  begin(signal: AbortSignal): () => void
  clear(): void
}

export function createBoots(platform: Platform, version: string): Boots {
  const count = () => {
    const [, counted = ''] = /^(\d+) /.exec(platform.note.read(NOTE) ?? '') ?? []
    return platform.note.read(NOTE) === `${counted} ${version}` ? Number(counted) : 0
  }
  const clear = () => platform.note.write(NOTE, null)
  return {
    count,
    clear,
    begin(signal) {
      // What nobody sees is discarded at any time.
      if (!platform.visible()) return () => {}
      platform.note.write(NOTE, `${count() + 1} ${version}`)
      // What stopped it, or saw it not start, is a page that lives; one that is left stops its engine first.
      signal.addEventListener('abort', clear, { once: true })
      platform.onLife((life) => {
        if (life === 'hidden' || life === 'pagehide') clear()
      }, signal)
      return () => {
        const cancel = platform.setTimer(clear, HEALTHY_MS)
        signal.addEventListener('abort', cancel, { once: true })
      }
    },
  }
}
