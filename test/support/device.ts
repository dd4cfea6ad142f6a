import type { Held, PageLife, Platform } from '../../src/model/platform.js'

/** A browser profile: tabs made from it share locks; its clock may run faster than the wall's. */
export interface Device {
  tab(): Tab
}

export interface Tab {
  platform: Platform
  live(life: PageLife): void
}

export function createDevice(o: { speed?: number; quota?: number } = {}): Device {
  const speed = o.speed ?? 1
  const startedAt = Date.now()
  const elapsed = () => (performance.timeOrigin + performance.now() - startedAt) * speed
  const queues = new Map<string, Promise<void>>()

  const lock = async (name: string, { signal }: { signal: AbortSignal }): Promise<Held> => {
    const before = queues.get(name) ?? Promise.resolve()
    let release = () => {}
    const gone = new Promise<void>((resolve) => {
      release = resolve
    })
    queues.set(
      name,
      Promise.all([before, gone]).then(() => undefined),
    )
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        release()
        reject(signal.reason)
      })
    })
    await Promise.race([before, aborted])
    return { release, lost: gone }
  }

  return {
    tab() {
      const listeners = new Set<(life: PageLife) => void>()
      const platform: Platform = {
        now: () => Math.floor(startedAt + elapsed()),
        monotonic: elapsed,
        random: Math.random,
        randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
        setTimer(run, ms) {
          const timer = setTimeout(run, ms / speed)
          return () => clearTimeout(timer)
        },
        pause: () => new Promise((resolve) => setImmediate(resolve)),
        fetch: globalThis.fetch,
        indexedDB: globalThis.indexedDB,
        subtle: crypto.subtle,
        lock: lock as Platform['lock'],
        locks: async () => [],
        worker: null,
        channel: null,
        onLife(listener, signal) {
          listeners.add(listener)
          signal.addEventListener('abort', () => listeners.delete(listener))
        },
        visible: () => true,
        online: () => true,
        note: { read: () => null, write: () => {} },
        stream: null,
        pristine: async () => false,
        estimate: async () => (o.quota === undefined ? {} : { usage: 0, quota: o.quota }),
      }
      return {
        platform,
        live: (life) => {
          for (const listener of listeners) listener(life)
        },
      }
    },
  }
}
