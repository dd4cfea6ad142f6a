import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, chromium } from 'playwright'
import { bundleForPage } from './bundle.js'
import type { Entrant } from './candidates.js'
import { median } from './measure.js'
import { isMeant, PEOPLE } from './scene.js'

const ROUNDS = 31

/**
 * Starts each entrant in fresh pages of a real browser, where nothing is compiled yet: from the cached text to the first answer,
 * in nanoseconds. `null` for those that do not run in one.
 */
export async function measureColdStarts(
  entrants: readonly Entrant[],
  skip: (name: string, why: string) => void,
): Promise<(number | null)[]> {
  const browser = await openBrowser(skip)
  if (!browser) return entrants.map(() => null)
  const scripts = await Promise.all(
    entrants.map(({ file, entry }) => (entry === null ? null : bundleForPage(file))),
  )
  const server = createServer((request, response) => {
    const at = Number(new URL(request.url ?? '/', 'http://localhost').searchParams.get('at'))
    const isScript = request.url?.startsWith('/contender.js')
    // Isolation makes the page's clock fine enough.
    response.writeHead(200, {
      'content-type': isScript ? 'text/javascript' : 'text/html',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'cache-control': 'no-store',
    })
    response.end(isScript ? scripts[at] : makePage(at))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  try {
    const taken: number[][] = entrants.map(() => [])
    for (let round = 0; round < ROUNDS; round++) {
      for (const [turn] of entrants.entries()) {
        const at = (round + turn) % entrants.length
        if (scripts[at] !== null) taken[at]?.push(await startOnce(browser, `${url}?at=${at}`))
      }
    }
    return taken.map((values) => (values.length > 0 ? median(values) * 1_000_000 : null))
  } finally {
    await browser.close()
    server.closeAllConnections()
    server.close()
  }
}

async function openBrowser(skip: (name: string, why: string) => void): Promise<Browser | null> {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
  try {
    return await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  } catch {
    skip('cold starts', `no browser at ${executablePath}`)
    return null
  }
}

function makePage(at: number): string {
  const person = JSON.stringify(PEOPLE.find(isMeant))
  return `<!doctype html><script type="module">
    import { load } from '/contender.js?at=${at}'
    const { start, payload } = load()
    const begin = performance.now()
    const evaluate = await start(payload)
    const answer = evaluate(${person})
    globalThis.tookMs = typeof answer === 'boolean' ? performance.now() - begin : -1
  </script>`
}

async function startOnce(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    await page.goto(url)
    const took = await page.waitForFunction(() => (globalThis as { tookMs?: number }).tookMs)
    return (await took.jsonValue()) ?? Number.NaN
  } finally {
    await context.close()
  }
}
