import type { Platform } from '../model/platform.js'
import type { CachedRollout } from '../model/rollout.js'
import { isRecord } from './cache.js'

const CHANNEL = 'graysync-rollout'

/** What a tab that asked upstream tells the others. */
export type News =
  /** Upstream was reached; the record travels along only where the cache could not take it. */
  | { kind: 'rollout'; record: CachedRollout | null }
  /** Upstream wants to be left alone. */
  | { kind: 'quiet'; forMs: number }

export function openNews(
  platform: Platform,
  receive: (news: News) => void,
  signal: AbortSignal,
): (news: News) => void {
  const channel = platform.channel?.(CHANNEL, (message) => {
    const news = signal.aborted ? null : readNews(message)
    if (news) receive(news)
  })
  signal.addEventListener('abort', () => channel?.close(), { once: true })
  return (news) => {
    if (!signal.aborted) channel?.post(news)
  }
}

function readNews(message: unknown): News | null {
  if (typeof message !== 'object' || message === null) return null
  const { kind, record, forMs } = message as Record<string, unknown>
  if (kind === 'rollout') return { kind, record: isRecord(record) ? record : null }
  if (kind === 'quiet' && typeof forMs === 'number' && forMs > 0) return { kind, forMs }
  return null
}
