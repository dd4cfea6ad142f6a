import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type BrowserContext, chromium, type Page } from 'playwright'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Rollout } from '../../src/model/rollout.js'
import { makeKeys, makeRollout, sign } from '../support/rollouts.js'

const keys = await makeKeys('one')
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking'],
})
const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('./refresh/page.ts', import.meta.url))],
  bundle: true,
  write: false,
  format: 'esm',
})
const script = outputFiles[0]?.text ?? ''

let envelope = ''
let version = 0
let asked = 0
let url = ''
const streams = new Set<ServerResponse>()
const say = (stream: ServerResponse) =>
  stream.write(`event: rollout\ndata: ${JSON.stringify({ version })}\n\n`)

const server = createServer((request, response) => {
  if (request.url === '/rollout') {
    asked += 1
    const etag = `"${version}"`
    const known = request.headers['if-none-match'] === etag
    response.writeHead(known ? 304 : 200, { etag, 'cache-control': 'no-cache' })
    response.end(known ? undefined : envelope)
  } else if (request.url === '/stream') {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    streams.add(response)
    response.on('close', () => streams.delete(response))
    say(response)
  } else if (request.url === '/options') {
    const options = { url: '/rollout', streamUrl: '/stream', keys: [keys.publicKey] }
    response.end(JSON.stringify(options))
  } else {
    response.setHeader('content-type', 'text/html')
    response.end(`<!doctype html><title>tab</title><script type="module">${script}</script>`)
  }
})

async function publish(changes: Partial<Rollout> = {}): Promise<void> {
  version += 1
  envelope = await sign(makeRollout(version, changes), keys)
  asked = 0
  for (const stream of streams) say(stream)
}

let context: BrowserContext
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
beforeEach(async () => {
  context = await browser.newContext()
})
afterEach(() => context.close())
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await browser.close()
})

async function openTabs(count: number): Promise<Page[]> {
  const pages: Page[] = []
  for (let at = 0; at < count; at++) {
    const page = await context.newPage()
    await page.goto(url)
    await page.waitForFunction(() => window.refreshTab)
    pages.push(page)
  }
  return pages
}

const each = <T>(pages: Page[], run: () => T): Promise<Awaited<T>[]> =>
  Promise.all(pages.map((page) => page.evaluate(run))) as Promise<Awaited<T>[]>

/** When the first and the last of the tabs had this version. */
async function takenBy(pages: Page[], wanted: number): Promise<{ first: number; last: number }> {
  const instants = await vi.waitFor(
    async () => {
      const taken = await each(pages, () => window.refreshTab.taken.at(-1))
      for (const last of taken) expect(last?.version).toBe(wanted)
      return taken.map((last) => last?.at ?? Number.NaN)
    },
    { timeout: 10_000, interval: 50 },
  )
  return { first: Math.min(...instants), last: Math.max(...instants) }
}

test.each([2, 4, 20])(
  '%i tabs that refresh together ask once, and share the answer within a second',
  async (count) => {
    await publish()
    const pages = await openTabs(count)
    await each(pages, () => window.refreshTab.refresh())
    const { first, last } = await takenBy(pages, version)
    expect(asked).toBe(1)
    expect(last - first).toBeLessThan(1_000)
    expect((await each(pages, () => window.refreshTab.errors)).flat()).toEqual([])
  },
)

test.each([2, 4, 20])(
  '%i tabs hear of a kill by one stream and one request, within two seconds',
  async (count) => {
    await publish()
    const pages = await openTabs(count)
    await each(pages, () => window.refreshTab.watch())
    await takenBy(pages, version)
    await vi.waitFor(() => expect(streams.size).toBe(1))

    const startedAt = Date.now()
    await publish({ kill: true })
    const { last } = await takenBy(pages, version)
    expect(await each(pages, () => window.refreshTab.taken.at(-1)?.kill)).toEqual(
      pages.map(() => true),
    )
    expect(asked).toBe(1)
    expect(streams.size).toBe(1)
    expect(last - startedAt).toBeLessThan(2_000)
    expect((await each(pages, () => window.refreshTab.errors)).flat()).toEqual([])
  },
)

test('the stream goes on in another tab when its own is closed', async () => {
  await publish()
  const [first, ...rest] = await openTabs(3)
  if (!first) throw new Error('no tab')
  await first.evaluate(() => window.refreshTab.watch())
  await vi.waitFor(() => expect(streams.size).toBe(1))
  await each(rest, () => window.refreshTab.watch())
  const [held] = streams
  await first.close()
  await vi.waitFor(() => expect([...streams].filter((stream) => stream !== held)).toHaveLength(1))

  const startedAt = Date.now()
  await publish({ kill: true })
  const { last } = await takenBy(rest, version)
  expect(last - startedAt).toBeLessThan(2_000)
  expect(asked).toBe(1)
})

test('a rollout outlives its tabs and the network', async () => {
  await publish()
  const [page] = await openTabs(1)
  await page?.evaluate(() => window.refreshTab.refresh())
  await page?.close()
  asked = 0
  const [later] = await openTabs(1)
  const loaded = await later?.evaluate(async () => (await window.refreshTab.load())?.version)
  expect(loaded).toBe(version)
  expect(asked).toBe(0)
})
