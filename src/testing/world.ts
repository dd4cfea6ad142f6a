import type { Channel, PageLife, Platform } from '../model/platform.js'
import { createLocks, type Life, tell } from './locks.js'

type Answer = (request: Request) => Response | Promise<Response>

export interface WorldOptions {
  /** For example `new IDBFactory()` of fake-indexeddb; `null` for a browser without IndexedDB. @default the global one */
  indexedDB?: IDBFactory | null
  /** @default the global one */
  subtle?: SubtleCrypto | null
  /** Web Locks exist. @default true */
  locks?: boolean
  /** There are channels between tabs. @default true */
  channels?: boolean
  /** This origin holds nothing but what graysync made. @default false */
  pristine?: boolean
  /** Epoch ms at the beginning. @default 1,700,000,000,000 */
  now?: number
}

/** One browser profile whose clock, network and tabs a test steers. */
export interface World {
  /** Opens a tab: a platform that shares locks, channels and notes with the others. */
  tab(): Tab
  /** Moves the clock on and runs the timers that fall due, in order. */
  advance(ms: number): void
  /** What the network answers from now on. */
  answer(answer: Answer): void
  online: boolean
  readonly notes: Map<string, string>
}

export interface Tab extends Platform {
  /** The tab dies: its locks are free, its timers stop, it hears and sends nothing more. */
  kill(): void
  /** Its locks are taken away, as some browsers do with a page that is kept, and may not tell; the tab lives on. */
  loseLocks(o?: { unnoticed: boolean }): void
  /** The tab does nothing until `wake`, as when it is frozen: its timers wait, it hears nothing, its locks are its own. */
  hang(): void
  wake(): void
  /** Sends a page event, and keeps `visible()` in step. */
  live(life: PageLife): void
}

interface Timer {
  at: number
  tab: Life
  run(): void
}

/**
 * Makes a browser profile for tests: manual clock, scripted network, tabs that can be killed.
 *
 * @example
 * const world = createWorld()
 * const gray = createTestClient(options, world.tab())
 * await gray.start()
 */
export function createWorld(o: WorldOptions = {}): World {
  const notes = new Map<string, string>()
  const timers = new Set<Timer>()
  const channels = new Set<{ name: string; tab: Life; receive(message: unknown): void }>()
  const locks = createLocks()
  const subtle = o.subtle === undefined ? globalThis.crypto.subtle : o.subtle
  const factory = o.indexedDB === undefined ? reachIndexedDB() : o.indexedDB
  const start = o.now ?? 1_700_000_000_000
  let elapsed = 0
  let opened = 0
  let answer: Answer = () => new Response(null, { status: 404 })

  const tab = (): Tab => {
    const own: Life = {
      id: `tab ${++opened}`,
      alive: true,
      visible: true,
      hangs: false,
      unheard: [],
    }
    const listeners: { hear(life: PageLife): void; signal: AbortSignal }[] = []
    const mine = new Set<Timer>()

    const setTimer = (run: () => void, ms: number) => {
      const timer: Timer = { at: elapsed + ms, tab: own, run }
      timers.add(timer)
      mine.add(timer)
      return () => {
        timers.delete(timer)
        mine.delete(timer)
      }
    }

    const channel = (name: string, receive: (message: unknown) => void): Channel => {
      const member = { name, tab: own, receive }
      channels.add(member)
      return {
        post(message) {
          for (const other of own.alive ? channels : []) {
            if (other !== member && other.name === name) {
              const copy = structuredClone(message)
              const hear = () => channels.has(other) && other.receive(copy)
              queueMicrotask(() => tell(other.tab, hear))
            }
          }
        },
        close: () => void channels.delete(member),
      }
    }

    return {
      now: () => start + elapsed,
      monotonic: () => elapsed,
      random: () => 0.5,
      randomBytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
      setTimer,
      pause: () => Promise.resolve(),
      async fetch(input, init) {
        const request = new Request(input, init)
        if (!own.alive) return new Promise<Response>(() => undefined)
        if (!world.online) throw new TypeError('Failed to fetch')
        request.signal.throwIfAborted()
        return answer(request)
      },
      indexedDB: factory,
      subtle,
      lock: o.locks === false ? null : (name, options) => locks.request(own, name, options),
      locks: async () => locks.list(),
      worker: null,
      channel: o.channels === false ? null : channel,
      onLife: (hear, signal) => void listeners.push({ hear, signal }),
      visible: () => own.visible,
      online: () => world.online,
      note: {
        read: (key) => notes.get(key) ?? null,
        write(key, value) {
          if (!own.alive) return
          if (value === null) notes.delete(key)
          else notes.set(key, value)
        },
      },
      stream: null,
      pristine: async () => o.pristine ?? false,
      estimate: async () => ({}),
      kill() {
        own.alive = false
        for (const timer of mine) timers.delete(timer)
        for (const member of channels) if (member.tab === own) channels.delete(member)
        locks.forsake(own)
      },
      loseLocks: ({ unnoticed } = { unnoticed: false }) => locks.seize(own, unnoticed),
      hang() {
        own.hangs = true
      },
      wake() {
        own.hangs = false
        for (const hear of own.unheard.splice(0)) hear()
      },
      live(life) {
        if (life === 'visible' || life === 'hidden') own.visible = life === 'visible'
        for (const { hear, signal } of listeners) if (!signal.aborted) hear(life)
      },
    }
  }

  const world: World = {
    tab,
    notes,
    online: true,
    answer(next) {
      answer = next
    },
    advance(ms) {
      const until = elapsed + ms
      for (;;) {
        const [due] = [...timers]
          .filter(({ at, tab }) => at <= until && !tab.hangs)
          .sort((a, b) => a.at - b.at)
        if (!due) break
        timers.delete(due)
        elapsed = Math.max(elapsed, due.at)
        due.run()
      }
      elapsed = until
    },
  }
  return world
}

function reachIndexedDB(): IDBFactory | null {
  return (globalThis as { indexedDB?: IDBFactory }).indexedDB ?? null
}
