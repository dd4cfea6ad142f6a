import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Fetched, fetchRollout } from '../../src/rollout/source.js'
import { startUpstream, type Upstream } from '../support/rollouts.js'
import { createBrowser, type Tab } from '../support/tabs.js'

let upstream: Upstream
let tab: Tab
beforeEach(async () => {
  upstream = await startUpstream()
  tab = createBrowser().tab()
})
afterEach(() => upstream.close())

function ask(etag: string | null = null, signal = new AbortController().signal): Promise<Fetched> {
  return fetchRollout(tab.platform, { url: upstream.url, etag, maxBytes: 256 * 1024, signal })
}

async function failure(): Promise<Extract<Fetched, { status: 'failed' }>> {
  const fetched = await ask()
  if (fetched.status !== 'failed') throw new Error(`was ${fetched.status}`)
  return fetched
}

describe('a document that is there', () => {
  test('comes with its tag and the time of the server', async () => {
    upstream.publish('a.b.c\n', { date: 'Tue, 01 Jul 2025 10:00:00 GMT' })
    expect(await ask()).toEqual({
      status: 'changed',
      envelope: 'a.b.c',
      etag: '"1"',
      serverAt: Date.UTC(2025, 6, 1, 10),
    })
  })

  test('is not sent again to one who names its tag', async () => {
    upstream.publish('a.b.c')
    expect(await ask('"1"')).toMatchObject({ status: 'unchanged' })
    expect(upstream.requests[0]?.headers['if-none-match']).toBe('"1"')
  })

  test('is asked for whole by one who has none, and a cache on the way has to ask too', async () => {
    upstream.publish('a.b.c')
    await ask()
    expect(upstream.requests[0]?.headers).not.toHaveProperty('if-none-match')
    expect(upstream.requests[0]?.headers['cache-control']).toMatch(/max-age=0|no-cache/)
  })

  test('is as old as a cache on the way says', async () => {
    upstream.publish('a.b.c', { date: 'Tue, 01 Jul 2025 10:00:00 GMT', age: '90' })
    expect(await ask()).toMatchObject({ serverAt: Date.UTC(2025, 6, 1, 10, 1, 30) })
  })

  test('keeps its text when a character is cut in two on the way', async () => {
    const bytes = new TextEncoder().encode('a.€.c')
    upstream.answer((_, response) => {
      response.write(bytes.subarray(0, 3))
      setImmediate(() => response.end(bytes.subarray(3)))
    })
    expect(await ask()).toMatchObject({ envelope: 'a.€.c', etag: null })
  })
})

describe('a failure', () => {
  test.each([201, 204, 400, 401, 403, 404, 410, 500, 502, 503])('is status %i', async (status) => {
    upstream.answer((_, response) => response.writeHead(status).end())
    const { error, retryAfterMs } = await failure()
    expect(error).toMatchObject({ code: 'NETWORK', message: expect.stringContaining(`${status}`) })
    expect(retryAfterMs).toBeNull()
  })

  test('is a 304 that nobody asked for', async () => {
    upstream.answer((_, response) => response.writeHead(304).end())
    expect((await failure()).error.code).toBe('NETWORK')
  })

  test.each([429, 503])('of status %i says how many seconds to wait', async (status) => {
    upstream.answer((_, response) => response.writeHead(status, { 'retry-after': '7' }).end())
    expect((await failure()).retryAfterMs).toBe(7_000)
  })

  test.each([429, 503])(
    'of status %i says until when to wait, by its own clock',
    async (status) => {
      upstream.answer((_, response) =>
        response
          .writeHead(status, {
            date: 'Tue, 01 Jul 2025 10:00:00 GMT',
            'retry-after': 'Tue, 01 Jul 2025 10:02:00 GMT',
          })
          .end(),
      )
      expect((await failure()).retryAfterMs).toBe(120_000)
    },
  )

  test.each([
    ['Tue, 01 Jul 2025 09:00:00 GMT', 0],
    ['Tue, 01 Jul 2035 09:00:00 GMT', 86_400_000],
    ['99999999999', 86_400_000],
    ['soon', null],
    ['-5', null],
    ['1.5', null],
  ])('with a wait of "%s" is bounded', async (wait, ms) => {
    upstream.answer((_, response) =>
      response.writeHead(503, { date: 'Tue, 01 Jul 2025 10:00:00 GMT', 'retry-after': wait }).end(),
    )
    expect((await failure()).retryAfterMs).toBe(ms)
  })

  test('is a body that breaks off', async () => {
    upstream.answer((_, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('a.b')
      setImmediate(() => response.destroy())
    })
    expect((await failure()).error.code).toBe('NETWORK')
  })

  test('is a document that announces to be too large: it is not read', async () => {
    upstream.answer((_, response) => {
      response.writeHead(200, { 'content-length': `${256 * 1024 + 1}` })
      response.flushHeaders()
    })
    expect((await failure()).error.code).toBe('ROLLOUT_SIZE')
  })

  test('is a document that never ends: reading stops at the bound', async () => {
    let sent = 0
    const ended = new Promise<void>((resolve) => {
      upstream.answer((_, response) => {
        response.on('close', resolve)
        const more = () => {
          sent += 16_384
          response.write('x'.repeat(16_384), () => setImmediate(more))
        }
        more()
      })
    })
    expect((await failure()).error.code).toBe('ROLLOUT_SIZE')
    await ended
    expect(sent).toBeLessThan(8 * 1024 * 1024)
  })

  test('is not a document of exactly the bound', async () => {
    upstream.publish('x'.repeat(256 * 1024))
    expect(await ask()).toMatchObject({ status: 'changed' })
  })

  test.each([
    ['that never answers', () => {}],
    [
      'whose body never ends',
      (_: unknown, response: { write(text: string): void }) => response.write('a'),
    ],
  ])('is a server %s: it is given up after 10 s', async (_, how) => {
    upstream.answer(how)
    const asked = ask()
    await vi.waitFor(() => expect(upstream.requests).toHaveLength(1))
    tab.advance(9_999)
    expect(await Promise.race([asked, Promise.resolve('waits')])).toBe('waits')
    tab.advance(1)
    expect(await asked).toMatchObject({ status: 'failed', error: { code: 'NETWORK' } })
    await vi.waitFor(() => expect(upstream.requests[0]?.socket.destroyed).toBe(true))
  })

  test('is nobody there at all', async () => {
    await upstream.close()
    expect((await failure()).error).toMatchObject({ code: 'NETWORK', cause: expect.anything() })
  })

  test('is an end by the signal, before and meanwhile', async () => {
    const end = new AbortController()
    upstream.answer(() => end.abort())
    expect(await ask(null, end.signal)).toMatchObject({ error: { code: 'ABORTED' } })
    expect(await ask(null, end.signal)).toMatchObject({ error: { code: 'ABORTED' } })
    expect(upstream.requests).toHaveLength(1)
  })
})

test('no timer is left behind', async () => {
  upstream.publish('a.b.c')
  await ask()
  expect(tab.timers()).toEqual([])
})
