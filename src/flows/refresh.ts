import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type { RolloutOptions } from '../model/handle.js'
import type { Platform } from '../model/platform.js'
import type { Rollout } from '../model/rollout.js'
import { createCache } from '../rollout/cache.js'
import { createClock } from '../rollout/clock.js'
import { openNews } from '../rollout/news.js'
import { createShelf } from '../rollout/shelf.js'
import type { Upstream } from '../rollout/upstream.js'
import { MAX_ENVELOPE_BYTES } from '../rollout/verify.js'
import type { GraySyncDatabase } from '../store/database.js'

const REFRESH_MS = 300_000
/** What asks upstream is tried again after this, where it could not be loaded. */
const RELOAD_MS = 10_000

interface RefreshOptions {
  platform: Platform
  options: RolloutOptions
  database: GraySyncDatabase | null
  /** The highest version that this profile has taken; `raise` answers `false` when a higher one was taken. */
  seen: { read(): Promise<{ version: number }>; raise(version: number): Promise<boolean> }
  onRollout(rollout: Rollout, o: { cached: boolean; changed: boolean }): void
  onError(error: GraySyncError): void
  signal: AbortSignal
}

/** No member rejects. */
export interface Refresh {
  /** The last good rollout without the network: the cached one, else the inlined one, else `null`. */
  load(): Promise<Rollout | null>
  /** Asks upstream, or takes what another tab is just being told. */
  refresh(): Promise<void>
  /** Follows upstream while the page is visible. */
  watch(): void
  /** Epoch ms, by the server's clock once one was seen. */
  correctedNow(): number
  /** The same, where the server's clock was heard. */
  confirmedNow(): number | null
}

export function createRefresh(o: RefreshOptions): Refresh {
  const { platform, options, signal } = o
  const { subtle } = platform
  const reported = new Set<string>()

  /** Once a kind until upstream was reached again: an outage is one error, not one a minute. */
  function report(cause: unknown): void {
    const error = isGraySyncError(cause)
      ? cause
      : new GraySyncError('STORE', 'the rollout could not be taken', { cause })
    if (signal.aborted || reported.has(error.code)) return
    reported.add(error.code)
    o.onError(error)
  }

  const clock = createClock(platform)
  if (!subtle) return refuse(clock.now, report)

  const { url, streamUrl, refreshMs = REFRESH_MS } = options
  const cache = createCache(platform, o.database)
  const shelf = createShelf({
    keys: options.keys,
    subtle,
    cache,
    seen: o.seen,
    onConfirmed: (rollout, { changed }) => o.onRollout(rollout, { cached: false, changed }),
    onError: report,
    signal,
  })
  const tell = openNews(platform, (news) => void reach((upstream) => upstream.hear(news)), signal)
  let upstream: Upstream | null = null
  let loading: Promise<void> | null = null

  async function load(): Promise<Rollout | null> {
    await shelf.load(options.bootstrap).catch(report)
    return shelf.present()
  }

  /** What asks upstream is loaded at the first use, since the start needs no network. `false`: it can't be loaded now. */
  async function reach(use: (upstream: Upstream) => unknown): Promise<boolean> {
    if (signal.aborted) return false
    if (!upstream) {
      loading ??= loadUpstream()
      await loading
    }
    if (upstream) await use(upstream)
    return upstream !== null
  }

  async function loadUpstream(): Promise<void> {
    try {
      const { createUpstream } = await import('../rollout/upstream.js')
      upstream = createUpstream({
        platform,
        url,
        streamUrl,
        refreshMs,
        maxBytes: MAX_ENVELOPE_BYTES,
        cache,
        shelf,
        clock,
        tell,
        onReached: () => reported.clear(),
        onError: report,
        signal,
      })
    } catch (cause) {
      loading = null
      report(new GraySyncError('NETWORK', 'what asks upstream could not be loaded', { cause }))
    }
  }

  async function watch(): Promise<void> {
    if (await reach((upstream) => upstream.follow())) return
    if (signal.aborted) return
    const cancel = platform.setTimer(() => void watch(), RELOAD_MS)
    signal.addEventListener('abort', cancel, { once: true })
  }

  return {
    load,
    refresh: async () => {
      if (url) await reach((upstream) => upstream.ask())
    },
    watch: () => {
      if (url && !signal.aborted) void watch()
    },
    correctedNow: clock.now,
    confirmedNow: clock.confirmed,
  }
}

/** Without WebCrypto nothing can be verified, so nothing is used. */
function refuse(correctedNow: () => number, report: (error: GraySyncError) => void): Refresh {
  const tellWhy = () =>
    report(new GraySyncError('UNSUPPORTED', 'no WebCrypto here: a rollout can not be verified'))
  return {
    async load() {
      tellWhy()
      return null
    },
    async refresh() {
      tellWhy()
    },
    watch: tellWhy,
    correctedNow,
    confirmedNow: () => null,
  }
}
