import type { Platform } from '../model/platform.js'
import type { Cache } from './cache.js'
import type { Clock } from './clock.js'
import type { News } from './news.js'
import { createRhythm } from './rhythm.js'
import type { Shelf } from './shelf.js'
import { fetchRollout } from './source.js'
import { takeTurn } from './turn.js'

// What another tab heard this long ago answers this tab's question too.
const SHARED_MS = 1_000

export interface UpstreamOptions {
  platform: Platform
  url: string | undefined
  streamUrl: string | undefined
  refreshMs: number
  /** Of an envelope. */
  maxBytes: number
  cache: Cache
  shelf: Shelf
  clock: Clock
  /** Tells the other tabs. */
  tell(news: News): void
  /** Upstream was reached, and what it sent is safe. */
  onReached(): void
  onError(cause: unknown): void
  signal: AbortSignal
}

/** No member rejects. */
export interface Upstream {
  /** Asks, or takes what another tab is just being told. */
  ask(): Promise<void>
  /** Asks from now on while the page is visible. */
  follow(): void
  /** Takes what another tab tells. */
  hear(news: News): void
}

export function createUpstream(o: UpstreamOptions): Upstream {
  const { platform, cache, shelf, clock, tell, maxBytes, signal } = o
  const rhythm = createRhythm(platform, {
    refreshMs: o.refreshMs,
    streamUrl: o.streamUrl,
    signal,
    ask: () => void ask(),
    onVersion(version) {
      wanted = Math.max(wanted, version)
      if (isBehind()) void ask()
    },
  })
  let asking: Promise<void> | null = null
  let askedAt = 0
  let wanted = 0

  function isBehind(): boolean {
    return wanted > (shelf.present()?.version ?? 0)
  }

  function ask(): Promise<void> {
    if (!o.url || signal.aborted) return Promise.resolve()
    asking ??= catchUp(o.url)
      .catch((cause) => {
        o.onError(cause)
        rhythm.fail()
      })
      .finally(() => {
        asking = null
      })
    return asking
  }

  /** Goes on while what came, from another tab or asked for too early, is older than what upstream has. */
  async function catchUp(from: string): Promise<void> {
    let target = wanted
    let asked = false
    do {
      if (!rhythm.mayAsk()) return
      target = wanted
      asked = await takeTurnToAsk(from)
    } while (isBehind() && !signal.aborted && (!asked || wanted > target))
  }

  async function takeTurnToAsk(from: string): Promise<boolean> {
    const turn = await takeTurn(platform, signal)
    try {
      if (await isShared()) {
        await shelf.share(null)
        rhythm.succeed()
        return false
      }
      if (turn.mine) await fetchOnce(from)
      else rhythm.fail()
      return turn.mine
    } finally {
      turn.release()
    }
  }

  /** Another tab has just heard from upstream what this one wants to know. */
  async function isShared(): Promise<boolean> {
    const record = await cache.read().catch(() => null)
    if (!record || record.writtenAt === askedAt || record.version < wanted) return false
    const age = platform.now() - record.writtenAt
    return age >= 0 && age < SHARED_MS
  }

  async function fetchOnce(from: string): Promise<void> {
    const sentAt = platform.monotonic()
    const fetched = await fetchRollout(platform, {
      url: from,
      etag: shelf.etag(),
      maxBytes,
      signal,
    })
    if (fetched.status === 'failed') {
      if (fetched.retryAfterMs !== null) hush(fetched.retryAfterMs)
      throw fetched.error
    }
    const distrust = clock.correct(fetched.serverAt, sentAt)
    askedAt = platform.now()
    const taking =
      fetched.status === 'changed'
        ? shelf.keep({ envelope: fetched.envelope, etag: fetched.etag, writtenAt: askedAt })
        : shelf.confirm(askedAt)
    const uncached = await taking.catch((cause) => {
      // Whoever sent what is not upstream's does not tell the time either.
      distrust()
      throw cause
    })
    tell({ kind: 'rollout', record: uncached })
    if (!uncached) o.onReached()
    if (isBehind()) rhythm.fail()
    else rhythm.succeed()
  }

  function hush(ms: number): void {
    rhythm.quiet(ms)
    tell({ kind: 'quiet', forMs: ms })
  }

  function hear(news: News): void {
    if (news.kind === 'quiet') rhythm.quiet(news.forMs)
    else shelf.share(news.record).then(rhythm.succeed, o.onError)
  }

  return { ask, follow: rhythm.start, hear }
}
