import type { Held, PageLife, Platform } from '../../src/model/platform.js'

/** A tab whose clock, page life and stream a test steers; locks and channels are those of its browser, fetch is real. */
export interface Tab {
  platform: Platform
  /** Lets time pass and runs what is due. */
  advance(ms: number): void
  live(life: PageLife): void
  /** The open stream of server-sent events, if any. */
  stream(): { url: string; say(data: string): void; break(): void } | null
  /** Timers that wait, by their delay. */
  timers(): number[]
  /** Closes the tab as the browser does: its locks are free again. */
  close(): void
}

export interface Browser {
  tab(overrides?: Partial<Platform>): Tab
  /** Names of the locks that are held. */
  locks(): string[]
  /** How many ends of channels are open. */
  channels(): number
}

export function createBrowser(): Browser {
  const startedAt = Date.now()
  const queues = new Map<string, { owner: object; grant(): void }[]>()
  const channels = new Map<string, Set<{ receive(message: unknown): void }>>()

  function leave(name: string, owner: object): void {
    const queue = queues.get(name) ?? []
    const at = queue.findIndex((entry) => entry.owner === owner)
    if (at < 0) return
    queue.splice(at, 1)
    if (at === 0) queue[0]?.grant()
  }

  function lockFor(mine: Set<() => void>): NonNullable<Platform['lock']> {
    return (name, o) =>
      new Promise<Held | null>((resolve, reject) => {
        const queue = queues.get(name) ?? []
        queues.set(name, queue)
        if (o.ifAvailable && queue.length > 0) return resolve(null)
        if (o.signal.aborted) return reject(o.signal.reason)
        const owner = {}
        let granted = false
        let lose = () => {}
        const lost = new Promise<void>((settle) => {
          lose = settle
        })
        const release = () => {
          o.signal.removeEventListener('abort', giveUp)
          mine.delete(release)
          leave(name, owner)
          lose()
        }
        mine.add(release)
        const giveUp = () => {
          if (granted) return
          release()
          reject(o.signal.reason)
        }
        o.signal.addEventListener('abort', giveUp)
        const grant = () => {
          granted = true
          queueMicrotask(() => resolve({ release, lost }))
        }
        queue.push({ owner, grant })
        if (queue.length === 1) grant()
      })
  }

  function openChannel(name: string, receive: (message: unknown) => void) {
    const members = channels.get(name) ?? new Set()
    channels.set(name, members)
    const me = { receive }
    members.add(me)
    return {
      post(message: unknown) {
        const copy = structuredClone(message)
        for (const other of members) {
          if (other !== me) queueMicrotask(() => members.has(other) && other.receive(copy))
        }
      },
      close: () => void members.delete(me),
    }
  }

  return {
    channels: () => [...channels.values()].reduce((sum, members) => sum + members.size, 0),
    locks: () => [...queues].filter(([, queue]) => queue.length > 0).map(([name]) => name),
    tab(overrides = {}) {
      const mine = new Set<() => void>()
      const listeners = new Set<(life: PageLife) => void>()
      const timers = new Map<object, { at: number; run(): void }>()
      let elapsed = 0
      let isVisible = true
      let open: ReturnType<Tab['stream']> = null
      const platform: Platform = {
        now: () => startedAt + elapsed,
        monotonic: () => elapsed,
        random: () => 0.5,
        randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
        setTimer(run, ms) {
          const id = {}
          timers.set(id, { at: elapsed + ms, run })
          return () => timers.delete(id)
        },
        pause: () => new Promise((resolve) => setImmediate(resolve)),
        fetch: (input, init) => fetch(input, init),
        pristine: async () => false,
        indexedDB,
        subtle: crypto.subtle,
        lock: lockFor(mine),
        locks: async () => [],
        worker: null,
        channel: openChannel,
        onLife(listener, signal) {
          listeners.add(listener)
          signal.addEventListener('abort', () => listeners.delete(listener))
        },
        visible: () => isVisible,
        online: () => true,
        note: { read: () => null, write: () => {} },
        stream(url, { onMessage, onError }) {
          const stream = { url, say: onMessage, break: onError }
          open = stream
          return () => {
            if (open === stream) open = null
          }
        },
        estimate: async () => ({}),
        ...overrides,
      }
      return {
        platform,
        advance(ms) {
          const until = elapsed + ms
          for (;;) {
            const due = [...timers].filter(([, { at }]) => at <= until)
            const next = due.sort(([, a], [, b]) => a.at - b.at)[0]
            if (!next) break
            timers.delete(next[0])
            elapsed = Math.max(elapsed, next[1].at)
            next[1].run()
          }
          elapsed = until
        },
        live(life) {
          if (life === 'visible' || life === 'hidden') isVisible = life === 'visible'
          for (const listener of [...listeners]) listener(life)
        },
        stream: () => open,
        timers: () => [...timers.values()].map(({ at }) => at - elapsed),
        close() {
          for (const release of [...mine]) release()
        },
      }
    },
  }
}
