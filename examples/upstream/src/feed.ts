import type { Context } from 'hono'
import { type SSEMessage, streamSSE } from 'hono/streaming'
import { refuse } from './problem.js'

const PING_MS = 15_000
const MAX_STREAMS = 512

/** Tells listeners in this process of what happened. */
export interface Feed<T> {
  publish(event: T): void
  subscribe(listener: (event: T) => void): () => void
  readonly size: number
}

export function createFeed<T>(): Feed<T> {
  const listeners = new Set<(event: T) => void>()
  return {
    publish(event) {
      for (const listener of listeners) listener(event)
    },
    subscribe(listener) {
      // Wrapped, so that the same function may listen twice.
      const own = (event: T): void => listener(event)
      listeners.add(own)
      return () => listeners.delete(own)
    },
    get size() {
      return listeners.size
    },
  }
}

/** Streams a feed as server-sent events until the client goes; a comment every 15 s keeps proxies from closing it. */
export function streamFeed<T>(
  c: Context,
  feed: Feed<T>,
  o: {
    now(): Promise<SSEMessage | null>
    toMessage(event: T): SSEMessage | null
  },
): Response {
  if (feed.size >= MAX_STREAMS) {
    c.header('Retry-After', '30')
    throw refuse(503, { code: 'BUSY', message: 'Too many streams are open' })
  }
  c.header('Cache-Control', 'no-cache')
  c.header('X-Accel-Buffering', 'no')
  return streamSSE(c, async (stream) => {
    const gone = new Promise<void>((resolve) => stream.onAbort(resolve))
    const send = (message: SSEMessage | null): void => {
      if (message !== null) void stream.writeSSE(message)
    }
    // Listening starts before the present is read: a change in between is told twice rather than never.
    const stop = feed.subscribe((event) => send(o.toMessage(event)))
    const ping = setInterval(() => void stream.write(': ping\n\n'), PING_MS)
    try {
      await stream.write(': open\n\n')
      send(await o.now())
      await gone
    } finally {
      clearInterval(ping)
      stop()
    }
  })
}
