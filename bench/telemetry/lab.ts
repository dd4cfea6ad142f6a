import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { type CDPSession, chromium, type Page } from 'playwright'
import { createTally, type Tally } from '../../test/support/tally.js'
import type { Entrant } from './entrants.js'
import type { Peer } from './peer.js'

/** A page with one entrant in it, on an origin and a main thread of its own. */
export interface Stand {
  entrant: Entrant
  page: Page
  tally: Tally
  requests(): number
  /** CPU time of the page's main thread so far, in microseconds. */
  threadUs(): Promise<number>
}

declare const peer: Peer

/** Opens all entrants in one Chromium; says which could not start. */
export async function openStands(
  entrants: readonly Entrant[],
  skip: (name: string, why: string) => void,
): Promise<{ stands: Stand[]; browser: string; close(): Promise<void> }> {
  const tallies = new Map(entrants.map(({ name }) => [toHost(name), createTally()]))
  const counts = new Map<string, number>()
  const server = createServer(async (request, response) => {
    const host = String(request.headers.host).split(':')[0] ?? ''
    // Isolation makes the page's clock fine enough.
    response.setHeader('cross-origin-opener-policy', 'same-origin')
    response.setHeader('cross-origin-embedder-policy', 'require-corp')
    if (request.method === 'GET') {
      const entrant = entrants.find(({ name }) => toHost(name) === host)
      response.setHeader('content-type', 'text/html')
      return void response.end(toPage(entrant?.script ?? ''))
    }
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const body = Buffer.concat(parts)
    counts.set(host, (counts.get(host) ?? 0) + 1)
    tallies.get(host)?.take((isZipped(body) ? gunzipSync(body) : body).toString())
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-timer-throttling'],
  })
  const stands: Stand[] = []
  for (const entrant of entrants) {
    const host = toHost(entrant.name)
    const page = await browser.newPage()
    await page.goto(`http://${host}:${port}/`)
    const isUp = await page
      .waitForFunction(() => 'peer' in globalThis, null, { timeout: 20_000 })
      .then(
        () => true,
        () => false,
      )
    if (!isUp) {
      skip(entrant.name, 'it did not start')
      continue
    }
    const session = await page.context().newCDPSession(page)
    await session.send('Performance.enable', { timeDomain: 'threadTicks' })
    const tally = tallies.get(host) ?? createTally()
    const requests = () => counts.get(host) ?? 0
    stands.push({ entrant, page, tally, requests, threadUs: () => readThreadUs(session) })
  }
  return {
    stands,
    browser: `Chromium ${browser.version()}`,
    async close() {
      await browser.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Captures in bursts, as an app does, and answers the microseconds on the calling side of each. */
export function captureBursts(
  stand: Stand,
  o: { from: number; bursts: number; size: number },
): Promise<number[]> {
  return stand.page.evaluate(async ({ from, bursts, size }) => {
    const taken: number[] = []
    for (let burst = 0; burst < bursts; burst++) {
      const startedAt = performance.now()
      for (let at = 0; at < size; at++) peer.capture(`event-${from + burst * size + at}.`)
      taken.push(((performance.now() - startedAt) * 1_000) / size)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await peer.flush?.()
    return taken
  }, o)
}

async function readThreadUs(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics')
  return (metrics.find(({ name }) => name === 'ThreadTime')?.value ?? Number.NaN) * 1_000_000
}

function toPage(script: string): string {
  const safe = script.replaceAll('</script', '<\\/script')
  return `<!doctype html><meta charset="utf-8"><script type="module">${safe}</script>`
}

/** Each host is a site of its own, and gets a process of its own. */
function toHost(name: string): string {
  return `${name.toLowerCase().replace(/\W+/g, '-')}.localhost`
}

function isZipped(body: Buffer): boolean {
  return body[0] === 0x1f && body[1] === 0x8b
}
