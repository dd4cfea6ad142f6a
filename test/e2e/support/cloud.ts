import { expect } from 'vitest'
import type { TestUpstream } from './upstream.js'

interface Cloud {
  cards: { title: string; version: number }[]
  operations: number | undefined
}

/** What the user who made the first of these cards has upstream: each card with how often it was written, and all operations. */
async function readCloud(upstream: TestUpstream, title: string): Promise<Cloud> {
  const owner = `(select user_id from cards where front_content ->> 'title' = $1)`
  const cards = await upstream.database.query<Cloud['cards'][number]>(
    `select front_content ->> 'title' as title, sync_version as version from cards
     where user_id = ${owner} and not is_deleted order by created_at, title`,
    [title],
  )
  const [row] = await upstream.database.query<{ n: number }>(
    `select count(*)::int as n from graysync_operations where user_id = ${owner}`,
    [title],
  )
  return { cards, operations: row?.n }
}

/**
 * These cards of one user and no other arrive upstream, in this order, each by one operation. The count that the app
 * shows is no sign of it: that is late.
 */
export async function expectArrived(
  upstream: TestUpstream,
  titles: readonly string[],
): Promise<void> {
  const cards = titles.map((title) => ({ title, version: 1 }))
  await expect
    .poll(() => readCloud(upstream, titles[0] ?? ''), { timeout: 30_000, interval: 100 })
    .toEqual({ cards, operations: titles.length })
}
