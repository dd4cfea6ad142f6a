import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { refuse } from './problem.js'

/** A token bucket: `burst` requests at once, refilled with `perSecond`. */
export interface Limit {
  burst: number
  perSecond: number
}

export interface Limits {
  /** Of each client address. */
  address: Limit
  /** Of each signed-in user. */
  user: Limit
}

export const DEFAULT_LIMITS: Limits = {
  address: { burst: 2_000, perSecond: 200 },
  user: { burst: 1_000, perSecond: 100 },
}

export const MEBIBYTE: number = 1024 * 1024

const MAX_BUCKETS = 10_000

/** Refuses with 429 and `Retry-After` once the bucket of a request's key is empty. */
export function limitRate(limit: Limit, keyOf: (c: Context) => string): MiddlewareHandler {
  const buckets = new Map<string, { tokens: number; at: number }>()
  return async (c, next) => {
    const key = keyOf(c)
    const now = performance.now()
    const { tokens, at } = buckets.get(key) ?? { tokens: limit.burst, at: now }
    const filled = Math.min(limit.burst, tokens + ((now - at) / 1000) * limit.perSecond)
    // Set anew, so that the first bucket of the map is the one used longest ago.
    buckets.delete(key)
    buckets.set(key, { tokens: filled < 1 ? filled : filled - 1, at: now })
    if (buckets.size > MAX_BUCKETS) buckets.delete(buckets.keys().next().value ?? '')
    if (filled < 1) {
      c.header('Retry-After', String(Math.ceil((1 - filled) / limit.perSecond)))
      throw refuse(429, { code: 'RATE', message: 'Too many requests' })
    }
    await next()
  }
}

/** The address that the connection came from; what a request says of itself is not believed. */
export function addressOf(c: Context): string {
  const hasConnection = typeof c.env === 'object' && c.env !== null && 'incoming' in c.env
  return (hasConnection ? getConnInfo(c).remote.address : undefined) ?? 'unknown'
}

/** Refuses a body above `bytes` with 413, read or announced. */
export function limitBody(bytes: number): MiddlewareHandler {
  return bodyLimit({
    maxSize: bytes,
    onError: () => {
      throw refuse(413, { code: 'SIZE', message: `A body has at most ${bytes} bytes` })
    },
  })
}

export async function readJson(c: Context): Promise<unknown> {
  return parseJson(await c.req.text())
}

export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw refuse(400, { code: 'INVALID', message: 'The body is not JSON' }, cause)
  }
  if (isDeeper(value, MAX_DEPTH)) {
    throw refuse(400, {
      code: 'INVALID',
      message: `The body nests deeper than ${MAX_DEPTH} levels`,
    })
  }
  return value
}

const MAX_DEPTH = 64

// Level by level: what walks the value later may recurse, this may not.
function isDeeper(value: unknown, levels: number): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; depth <= levels && level.length > 0; depth += 1) {
    level = level.flatMap((item) =>
      typeof item === 'object' && item !== null ? Object.values(item) : [],
    )
  }
  return level.length > 0
}
