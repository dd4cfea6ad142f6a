import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from '../platform/bound.js'
import { readRetryAfter, readServerTime } from '../platform/http.js'

const FETCH_TIMEOUT_MS = 10_000

/** What one request brought. `serverAt` is the server's clock, epoch ms. */
export type Fetched =
  | { status: 'changed'; envelope: string; etag: string | null; serverAt: number | null }
  | { status: 'unchanged'; serverAt: number | null }
  | { status: 'failed'; error: GraySyncError; retryAfterMs: number | null }

interface Ask {
  url: string
  /** Of the document at hand; `null` asks for the whole. */
  etag: string | null
  /** A larger answer is not read. */
  maxBytes: number
  signal: AbortSignal
}

/** Asks upstream once, within a time and a size. Never rejects. */
export async function fetchRollout(platform: Platform, o: Ask): Promise<Fetched> {
  const request = new AbortController()
  const stop = () => request.abort()
  o.signal.addEventListener('abort', stop, { once: true })
  try {
    o.signal.throwIfAborted()
    return await withinTime(
      platform,
      FETCH_TIMEOUT_MS,
      exchange(platform, { ...o, signal: request.signal }),
      () => new GraySyncError('NETWORK', `the rollout did not arrive in ${FETCH_TIMEOUT_MS} ms`),
    )
  } catch (cause) {
    return { status: 'failed', error: nameFailure(cause, o.signal), retryAfterMs: null }
  } finally {
    o.signal.removeEventListener('abort', stop)
    request.abort()
  }
}

async function exchange(platform: Platform, o: Ask): Promise<Fetched> {
  const { status, headers, body } = await platform.fetch(o.url, {
    signal: o.signal,
    // An HTTP cache between must ask upstream too, else it would hide a kill.
    cache: 'no-cache',
    headers: o.etag === null ? {} : { 'if-none-match': o.etag },
  })
  if (status === 304 && o.etag !== null) {
    return { status: 'unchanged', serverAt: readServerTime(headers) }
  }
  if (status !== 200) {
    const error = new GraySyncError('NETWORK', `the rollout's url answered ${status}`)
    return { status: 'failed', error, retryAfterMs: readRetryAfter(headers, platform.now()) }
  }
  return {
    status: 'changed',
    envelope: await readWithin(o.maxBytes, body, headers),
    etag: headers.get('etag'),
    serverAt: readServerTime(headers),
  }
}

async function readWithin(
  maxBytes: number,
  body: ReadableStream<Uint8Array> | null,
  headers: Headers,
): Promise<string> {
  if (Number(headers.get('content-length')) > maxBytes) throw tooLarge(maxBytes)
  if (!body) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return (text + decoder.decode()).trim()
    bytes += value.byteLength
    if (bytes > maxBytes) throw tooLarge(maxBytes)
    text += decoder.decode(value, { stream: true })
  }
}

function tooLarge(maxBytes: number): GraySyncError {
  return new GraySyncError('ROLLOUT_SIZE', `the rollout is larger than ${maxBytes} bytes`)
}

function nameFailure(cause: unknown, signal: AbortSignal): GraySyncError {
  if (signal.aborted) return new GraySyncError('ABORTED', 'the refresh was ended', { cause })
  if (cause instanceof GraySyncError) return cause
  return new GraySyncError('NETWORK', 'the rollout could not be fetched', { cause })
}
