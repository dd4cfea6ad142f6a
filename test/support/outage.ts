import { build } from 'esbuild'
import type { Page } from 'playwright'
import { startChromium } from './chromium.js'
import { type Collector, type Fault, openCollector } from './collector.js'
import type { OutagePage } from './outage-page.js'

/** What happens to the page while upstream is away. */
export type Mishap = 'none' | 'close' | 'reload' | 'kill'

export interface Outage {
  name: string
  fault: Fault
  mishap: Mishap
}

export const OUTAGES: readonly Outage[] = [
  { name: 'none', fault: 'none', mishap: 'none' },
  { name: 'reset', fault: 'reset', mishap: 'none' },
  { name: '503', fault: '503', mishap: 'none' },
  { name: '429', fault: '429-seconds', mishap: 'none' },
  { name: 'hang', fault: 'hang', mishap: 'none' },
  { name: 'slow', fault: 'slow', mishap: 'none' },
  { name: 'commit, then drop', fault: 'commit-then-drop', mishap: 'none' },
  { name: 'reload', fault: 'reset', mishap: 'reload' },
  { name: 'tab closed', fault: 'reset', mishap: 'close' },
  { name: 'SIGKILL', fault: 'reset', mishap: 'kill' },
]

export interface OutageResult {
  emitted: number
  /** Distinct records upstream, after waiting alone. */
  alone: number
  /** And after the page heard that it is online. */
  nudged: number
  /** Arrivals of a record that upstream had already. */
  doubles: number
  recoveryMs: number | null
}

declare const outage: OutagePage

/** Emits events into an outage, ends it, and counts what arrives. */
export async function runOutage(
  { fault, mishap }: Outage,
  o: { events: number; outageMs: number; waitMs: number },
): Promise<OutageResult> {
  const collector = await openCollector({ page: await buildPage() })
  const browser = await startChromium()
  const url = new URL('/', collector.url).href
  try {
    let page = await openOutagePage(browser.open(url))
    collector.fault = fault
    const endsAt = performance.now() + o.outageMs
    const uids: string[] = []
    for (let index = 0; index < o.events; index++) {
      uids.push(await page.evaluate((at) => outage.emit(at), index))
      await sleep(20)
    }
    await sleep(500)
    if (mishap === 'close') await page.close()
    if (mishap === 'kill') await browser.kill()
    if (mishap === 'reload') await page.reload()
    await sleep(endsAt - performance.now())
    collector.fault = 'none'
    const endedAt = performance.now()
    if (mishap === 'close' || mishap === 'kill') page = await openOutagePage(browser.open(url))
    const recoveryMs = (await isComplete(collector, o.events, o.waitMs))
      ? Math.round(performance.now() - endedAt)
      : null
    const alone = countStored(collector, uids)
    if (alone < o.events) {
      await page.evaluate(() => dispatchEvent(new Event('online')))
      await isComplete(collector, o.events, o.waitMs)
    }
    // What an unsettled tail would still send.
    await sleep(500)
    const nudged = countStored(collector, uids)
    const doubles = collector.arrivals.length - collector.stored.size
    return { emitted: o.events, alone, nudged, doubles, recoveryMs }
  } finally {
    await browser.close()
    await collector.close()
  }
}

/** The page, with all of its script inside. */
export async function buildPage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [new URL('./outage-page.ts', import.meta.url).pathname],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
  })
  return `<!doctype html><meta charset="utf-8"><script type="module">${outputFiles[0]?.text}</script>`
}

export async function openOutagePage(opening: Promise<Page>): Promise<Page> {
  const page = await opening
  await page.waitForFunction(() => 'outage' in globalThis)
  return page
}

function countStored(collector: Collector, uids: readonly string[]): number {
  return uids.filter((uid) => collector.stored.has(uid)).length
}

async function isComplete(collector: Collector, count: number, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs
  while (collector.stored.size < count && performance.now() < end) await sleep(20)
  return collector.stored.size >= count
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
}
