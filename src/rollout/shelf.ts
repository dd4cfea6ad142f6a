import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type { CachedRollout, Rollout } from '../model/rollout.js'
import { acceptEnvelope } from './accept.js'
import type { Cache, Written } from './cache.js'

export interface ShelfOptions {
  keys: readonly JsonWebKey[]
  subtle: SubtleCrypto
  cache: Cache
  /** The highest version that this profile has taken; `raise` answers `false` when a higher one was taken. */
  seen: { read(): Promise<{ version: number }>; raise(version: number): Promise<boolean> }
  /** Upstream confirmed the rollout for the first time in this session, or brought another. */
  onConfirmed(rollout: Rollout, o: { changed: boolean }): void
  onError(cause: unknown): void
  signal: AbortSignal
}

/** The rollout in use, and the cache behind it. Nothing gets here that is not verified. */
export interface Shelf {
  present(): Rollout | null
  etag(): string | null
  /** Takes the cached rollout, else the inlined one, as not confirmed. */
  load(bootstrap: string | undefined): Promise<void>
  /** Takes what upstream sent. Answers the record when the cache could not take it. */
  keep(record: Omit<CachedRollout, 'key' | 'version'>): Promise<CachedRollout | null>
  /** Upstream has nothing newer than what is present. Answers like `keep`. */
  confirm(at: number): Promise<CachedRollout | null>
  /** Takes what another tab has heard from upstream: what it sent along, else what it cached. */
  share(record: CachedRollout | null): Promise<void>
}

interface Held {
  rollout: Rollout
  record: CachedRollout
  confirmed: boolean
}

export function createShelf(o: ShelfOptions): Shelf {
  const { cache, keys, subtle } = o
  let held: Held | null = null

  /** To be read before the cache is: a rollout is cached first, and its version raised then. */
  async function readHighest(): Promise<number> {
    const { version } = await o.seen.read()
    return Math.max(version, held?.rollout.version ?? 0)
  }

  function accept(envelope: string, highest: number): Promise<Rollout> {
    const present = held?.rollout ?? null
    return acceptEnvelope(envelope, { keys, subtle, present, highest })
  }

  async function read(record: CachedRollout, highest: number): Promise<Rollout> {
    const { envelope, version } = record
    const known = held?.record.envelope === envelope ? held.rollout : null
    const rollout = known ?? (await accept(envelope, highest))
    if (rollout.version === version) return rollout
    throw new GraySyncError('ROLLOUT_SCHEMA', `cached as ${version}, but it is ${rollout.version}`)
  }

  async function take(next: Held): Promise<void> {
    const { version } = next.rollout
    if (!(await o.seen.raise(version))) {
      throw new GraySyncError('ROLLOUT_REPLAY', `a higher version than ${version} was taken`)
    }
    if (o.signal.aborted || version < (held?.rollout.version ?? 0)) return
    const changed = version !== held?.rollout.version
    const isNews = next.confirmed && (changed || !held?.confirmed)
    held = next
    if (isNews) o.onConfirmed(next.rollout, { changed })
  }

  /** Takes the cached rollout; one that is torn, forged or replayed is dropped. */
  async function takeCached(confirmed: boolean): Promise<void> {
    const highest = await readHighest()
    let record: CachedRollout | null = null
    try {
      record = await cache.read()
      if (record) await take({ rollout: await read(record, highest), record, confirmed })
    } catch (cause) {
      if (isGraySyncError(cause) && cause.code.startsWith('ROLLOUT_')) await cache.drop(record)
      throw cause
    }
  }

  async function write(record: CachedRollout): Promise<Written> {
    try {
      return await cache.write(record)
    } catch (cause) {
      o.onError(cause)
      return 'absent'
    }
  }

  async function keepAs(rollout: Rollout, record: CachedRollout): Promise<CachedRollout | null> {
    const written = await write(record)
    // Another tab is ahead; or the cache only says so, and is dropped for it.
    if (written === 'older') await takeCached(true)
    else await take({ rollout, record, confirmed: true })
    return written === 'absent' ? record : null
  }

  return {
    present: () => held?.rollout ?? null,
    etag: () => held?.record.etag ?? null,
    async load(bootstrap) {
      await takeCached(false).catch(o.onError)
      if (held || bootstrap === undefined) return
      const rollout = await accept(bootstrap, await readHighest())
      const { version } = rollout
      const record = {
        key: 'rollout',
        envelope: bootstrap,
        version,
        etag: null,
        writtenAt: 0,
      } as const
      await take({ rollout, record, confirmed: false })
    },
    async keep(sent) {
      const rollout = await accept(sent.envelope, await readHighest())
      return keepAs(rollout, { ...sent, key: 'rollout', version: rollout.version })
    },
    async confirm(at) {
      return held && keepAs(held.rollout, { ...held.record, writtenAt: at })
    },
    async share(record) {
      if (!record) return takeCached(true)
      await take({ rollout: await read(record, await readHighest()), record, confirmed: true })
    },
  }
}
