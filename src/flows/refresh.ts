import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type { RolloutOptions } from '../model/handle.js'
import type { Platform } from '../model/platform.js'
import type { Rollout } from '../model/rollout.js'
import { createCache } from '../rollout/cache.js'
import { createClock } from '../rollout/clock.js'
import { type News, openNews } from '../rollout/news.js'
import { createRhythm } from '../rollout/rhythm.js'
import { createShelf } from '../rollout/shelf.js'
import { fetchRollout } from '../rollout/source.js'
import { takeTurn } from '../rollout/turn.js'
import type { GraySyncDatabase } from '../store/database.js'

const REFRESH_MS = 300_000
// What another tab heard this long ago answers this tab's question too.
const SHARED_MS = 1_000

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

  const { url } = options
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
  const rhythm = createRhythm(platform, {
    refreshMs: options.refreshMs ?? REFRESH_MS,
    streamUrl: options.streamUrl,
    signal,
    ask: () => void ask(),
    onVersion(version) {
      wanted = Math.max(wanted, version)
      if (isBehind()) void ask()
    },
  })
  const tell = openNews(platform, hear, signal)
  let asking: Promise<void> | null = null
  let askedAt = 0
  let wanted = 0

  function isBehind(): boolean {
    return wanted > (shelf.present()?.version ?? 0)
  }

  async function load(): Promise<Rollout | null> {
    await shelf.load(options.bootstrap).catch(report)
    return shelf.present()
  }

  function ask(): Promise<void> {
    if (!url || signal.aborted) return Promise.resolve()
    asking ??= catchUp(url)
      .catch((cause) => {
        report(cause)
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
      if (turn.mine) await askUpstream(from)
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

  async function askUpstream(from: string): Promise<void> {
    const sentAt = platform.monotonic()
    const fetched = await fetchRollout(platform, { url: from, etag: shelf.etag(), signal })
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
    if (!uncached) reported.clear()
    if (isBehind()) rhythm.fail()
    else rhythm.succeed()
  }

  function hush(ms: number): void {
    rhythm.quiet(ms)
    tell({ kind: 'quiet', forMs: ms })
  }

  function hear(news: News): void {
    if (news.kind === 'quiet') rhythm.quiet(news.forMs)
    else shelf.share(news.record).then(rhythm.succeed, report)
  }

  return {
    load,
    refresh: ask,
    watch: () => {
      if (url) rhythm.start()
    },
    correctedNow: clock.now,
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
  }
}
