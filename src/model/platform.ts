/** The standard `fetch`. */
export type Fetch = WindowOrWorkerGlobalScope['fetch']

export type PageLife =
  | 'visible'
  | 'hidden'
  | 'pagehide'
  /** After `pagehide`: the page may be shown again as it is, and what it left open in IndexedDB stays open. */
  | 'kept'
  | 'pageshow'
  | 'freeze'
  | 'resume'
  | 'online'
  | 'offline'

/** A held lock; `lost` settles when somebody else took it. */
export interface Held {
  release(): void
  lost: Promise<void>
}

export interface LockOptions {
  signal: AbortSignal
  ifAvailable?: boolean
  steal?: boolean
}

/** One lock, as it is held or waited for. */
export interface LockState {
  name: string
  isHeld: boolean
  /** The page; the same for all locks of one page. */
  client: string
}

/** The app's service worker, as a page sees it. */
export interface WorkerLink {
  /** What the active worker answers; `null` where there is none, or none that answers within `ms`. */
  ask(message: unknown, ms: number): Promise<unknown>
  /** Answers what the worker asks this page; `null` is no answer. */
  onAsk(answer: (message: unknown) => unknown, signal: AbortSignal): void
  /** Has the worker woken once there is a network, where the browser can. */
  requestSync(tag: string): void
}

export interface Channel {
  post(message: unknown): void
  close(): void
}

/** The browser as graysync sees it; the testing door brings one that a test steers. A member that is `null` does not exist here. */
export interface Platform {
  /** Epoch ms. */
  now(): number
  /** Milliseconds that never go back. */
  monotonic(): number
  random(): number
  randomBytes(length: number): Uint8Array
  /** Runs once after `ms`; the answer cancels it. */
  setTimer(run: () => void, ms: number): () => void
  /** Lets the page breathe: resolves in a later task. */
  pause(): Promise<void>
  fetch: Fetch
  indexedDB: IDBFactory | null
  subtle: SubtleCrypto | null
  /**
   * Waits for a lock with one held request, or answers `null` at once when it is taken and `ifAvailable` is set.
   * With `steal` it takes the lock from whoever holds it. Rejects with the signal's reason.
   * The member is `null` where there are no Web Locks.
   */
  lock: ((name: string, o: LockOptions) => Promise<Held | null>) | null
  /** The locks of this origin, held and waited for, in all its tabs; asking also frees those of pages that are kept. */
  locks(): Promise<readonly LockState[]>
  /** `null` where there are no service workers. */
  worker: WorkerLink | null
  /** A hint to other tabs: never carries authority. `null` where there is no BroadcastChannel. */
  channel: ((name: string, receive: (message: unknown) => void) => Channel) | null
  onLife(listener: (life: PageLife) => void, signal: AbortSignal): void
  visible(): boolean
  online(): boolean
  /** A small note that outlives the databases; best effort. */
  note: { read(key: string): string | null; write(key: string, value: string | null): void }
  /** Streams server-sent events; `null` where there is no EventSource. */
  stream:
    | ((url: string, o: { onMessage(data: string): void; onError(): void }) => () => void)
    | null
  /** `true` when this origin holds nothing yet but what graysync made; `false` where that cannot be told. */
  pristine(): Promise<boolean>
  /** What the origin uses and may use, in bytes; empty where the browser does not say. */
  estimate(): Promise<{ usage?: number; quota?: number }>
}
