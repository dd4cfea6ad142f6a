import type { Held, LockOptions, LockState, PageLife, Platform } from '../model/platform.js'
import { linkWorker } from './worker-link.js'

interface Yielding {
  scheduler?: { yield?(): Promise<void> }
}

/** Runs once after `ms`; the answer cancels it. */
export function setTimer(run: () => void, ms: number): () => void {
  const id = setTimeout(run, ms)
  return () => clearTimeout(id)
}

/** The real browser. Every member that is absent here is `null`; nothing is touched before it is used. */
export function browserPlatform(): Platform {
  const { locks, storage } = globalThis.navigator
  const serviceWorker = reach(() => globalThis.navigator.serviceWorker)
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    random: () => Math.random(),
    randomBytes: drawBytes(),
    setTimer,
    pause: () => {
      const { scheduler } = globalThis as Yielding
      return scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve))
    },
    fetch: (input, init) => globalThis.fetch(input, init),
    indexedDB: reach(() => globalThis.indexedDB),
    subtle: reach(() => crypto.subtle),
    lock: locks ? (name, o) => hold(locks, name, o) : null,
    locks: async () => (locks ? listLocks(locks) : []),
    worker: serviceWorker ? linkWorker(serviceWorker) : null,
    channel: typeof BroadcastChannel === 'undefined' ? null : openChannel,
    onLife,
    visible: () => document.visibilityState === 'visible',
    online: () => navigator.onLine,
    note: { read: readNote, write: writeNote },
    stream: typeof EventSource === 'undefined' ? null : openStream,
    pristine: isPristine,
    estimate: async () => (await reach(() => storage.estimate())) ?? {},
  }
}

/** Draws many at once: a single call costs more than the record that wants an id. */
function drawBytes(): Platform['randomBytes'] {
  let pool = new Uint8Array(0)
  let drawn = 0
  return (length) => {
    if (drawn + length > pool.length) {
      pool = crypto.getRandomValues(new Uint8Array(Math.max(length, 1_024)))
      drawn = 0
    }
    drawn += length
    return pool.subarray(drawn - length, drawn)
  }
}

/** Some browsers throw at the mere mention of a feature that a policy forbids. */
function reach<T>(get: () => T | undefined): T | null {
  try {
    return get() ?? null
  } catch {
    return null
  }
}

function hold(locks: LockManager, name: string, o: LockOptions): Promise<Held | null> {
  const { signal, ifAvailable = false, steal = false } = o
  return new Promise((granted, refused) => {
    // A signal excludes the other two in the standard.
    const request = ifAvailable || steal ? { ifAvailable, steal } : { signal }
    let lose = () => {}
    const lost = new Promise<void>((resolve) => {
      lose = resolve
    })
    locks
      .request(name, request, (lock) => {
        if (!lock) return granted(null)
        return new Promise<void>((release) => granted({ release, lost }))
      })
      .then(undefined, refused)
      .finally(lose)
  })
}

async function listLocks(locks: LockManager): Promise<LockState[]> {
  const { held = [], pending = [] } = await locks.query()
  const toState =
    (isHeld: boolean) =>
    ({ name = '', clientId: client = '' }: LockInfo) => ({ name, isHeld, client })
  return [...held.map(toState(true)), ...pending.map(toState(false))]
}

function openChannel(
  name: string,
  receive: (message: unknown) => void,
): {
  post(message: unknown): void
  close(): void
} {
  const channel = new BroadcastChannel(name)
  channel.onmessage = (event) => receive(event.data)
  return {
    // A hint that can't be posted, as on a channel that was just closed, must not fail what it is about.
    post: (message) => void reach(() => channel.postMessage(message)),
    close: () => channel.close(),
  }
}

function onLife(listener: (life: PageLife) => void, signal: AbortSignal): void {
  const tell = (life: PageLife) => () => listener(life)
  document.addEventListener('visibilitychange', () => listener(document.visibilityState), {
    signal,
  })
  for (const life of ['freeze', 'resume'] as const) {
    document.addEventListener(life, tell(life), { signal })
  }
  for (const life of ['pagehide', 'pageshow', 'online', 'offline'] as const) {
    globalThis.addEventListener(life, tell(life), { signal })
  }
  // Firefox keeps no page with an open transaction, and Chromium lets go of one that is in the way: only WebKit does neither.
  if (navigator.vendor !== 'Apple Computer, Inc.') return
  const keep = ({ persisted }: PageTransitionEvent) => persisted && listener('kept')
  globalThis.addEventListener('pagehide', keep, { signal })
}

function readNote(key: string): string | null {
  return reach(() => localStorage.getItem(key))
}

function writeNote(key: string, value: string | null): void {
  reach(() => (value === null ? localStorage.removeItem(key) : localStorage.setItem(key, value)))
}

function openStream(
  url: string,
  o: { onMessage(data: string): void; onError(): void },
): () => void {
  const source = new EventSource(url)
  source.addEventListener('rollout', (event) => o.onMessage(String(event.data)))
  source.onerror = o.onError
  return () => source.close()
}

async function isPristine(): Promise<boolean> {
  try {
    const names = (await indexedDB.databases()).map((database) => database.name)
    const keys = Object.keys(localStorage)
    return [...names, ...keys].every((name) => name?.startsWith('graysync'))
  } catch {
    return false
  }
}

/** The platform of a page, or `null` on a server and in a worker, where graysync is inert. */
export function detectPlatform(): Platform | null {
  return typeof document === 'undefined' || typeof navigator === 'undefined'
    ? null
    : browserPlatform()
}
