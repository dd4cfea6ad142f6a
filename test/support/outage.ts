import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { takeOrders } from '../e2e/support/orders.js'
import type { Browser, Make, Tab } from '../e2e/support/tab.js'
import { type Collector, type Fault, openCollector } from './collector.js'
import type { OutagePage } from './outage-page.js'
import { createTally, type Tally } from './tally.js'

/** What happens to the page while upstream is away. */
export type Mishap = 'none' | 'close' | 'reload' | 'kill' | 'days'

export interface Outage {
  name: string
  fault: Fault
  mishap: Mishap
}

export const OUTAGES: readonly Outage[] = [
  { name: 'none', fault: 'none', mishap: 'none' },
  { name: 'reset', fault: 'reset', mishap: 'none' },
  { name: '503', fault: '503', mishap: 'none' },
  { name: '429 in seconds', fault: '429-seconds', mishap: 'none' },
  { name: '429 with a date', fault: '429-date', mishap: 'none' },
  { name: 'hang', fault: 'hang', mishap: 'none' },
  { name: 'slow', fault: 'slow', mishap: 'none' },
  { name: 'commit, then drop', fault: 'commit-then-drop', mishap: 'none' },
  { name: 'reload', fault: 'reset', mishap: 'reload' },
  { name: 'tab closed', fault: 'reset', mishap: 'close' },
  { name: 'SIGKILL', fault: 'reset', mishap: 'kill' },
  { name: 'six days', fault: '503', mishap: 'days' },
]

const SIX_DAYS_MS = 6 * 24 * 60 * 60 * 1_000
const AN_HOUR_MS = 60 * 60 * 1_000
/** Nothing happens to the page before its last events had time to be written. */
const SETTLE_MS = 500

export interface OutageResult {
  emitted: number
  /** Distinct events upstream, after waiting alone. */
  alone: number
  /** And after the page heard that it is online. */
  nudged: number
  /** Events that upstream holds twice, under two ids. */
  doubled: number
  /** Arrivals of what upstream had already, under the same id. */
  repeated: number
  recoveryMs: number | null
}

declare const outage: OutagePage

/** One browser in a folder of its own. */
export interface Lab {
  /** Opens a page, and waits until it takes events. */
  openPage(url: string): Promise<Tab>
  /** Ends the browser as a crash does, and starts it anew on the same profile. */
  kill(): Promise<void>
  close(): Promise<void>
}

export async function openLab(make: Make, o: { quotaKb?: number } = {}): Promise<Lab> {
  const folder = await mkdtemp(join(tmpdir(), 'graysync-lab-'))
  let browser: Browser = await make.launch(folder, o)
  return {
    async openPage(url) {
      const tab = await browser.openTab()
      await tab.open(url)
      await untilReady(tab)
      return tab
    },
    async kill() {
      await browser.kill()
      browser = await make.launch(folder, o)
    },
    async close() {
      await browser.close()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** An upstream of its own serves the page: another port is another origin, with nothing stored yet. */
export async function openUpstream(html: string): Promise<{
  url: string
  collector: Collector
  tally: Tally
}> {
  const tally = createTally()
  const collector = await openCollector({ page: html, take: tally.take })
  return { url: new URL('/', collector.url).href, collector, tally }
}

/** Emits events into an outage, ends it, and counts what arrives. */
export async function runOutage(
  lab: Lab,
  { fault, mishap }: Outage,
  o: { html: string; events: number; outageMs: number; waitMs: number },
): Promise<OutageResult> {
  const { url, collector, tally } = await openUpstream(o.html)
  try {
    let tab = await lab.openPage(url)
    collector.fault = fault
    const endsAt = performance.now() + o.outageMs
    for (let index = 0; index < o.events; index++) {
      await tab.run((at) => void outage.emit(at), index)
      if (mishap === 'days') await passTime(tab, SIX_DAYS_MS / o.events)
      await sleep(20)
    }
    await sleep(SETTLE_MS)
    if (mishap === 'close') await tab.close()
    if (mishap === 'kill') await lab.kill()
    if (mishap === 'reload') await reload(tab)
    await sleep(endsAt - performance.now())
    collector.fault = 'none'
    const endedAt = performance.now()
    if (mishap === 'close' || mishap === 'kill') tab = await lab.openPage(url)
    // The longest pause between two attempts.
    if (mishap === 'days') await passTime(tab, AN_HOUR_MS)
    const recoveryMs = (await isComplete(tally, o.events, o.waitMs))
      ? Math.round(performance.now() - endedAt)
      : null
    const alone = tally.events()
    if (alone < o.events) {
      await tab.run(() => void dispatchEvent(new Event('online')))
      await isComplete(tally, o.events, o.waitMs)
    }
    // What an unsettled tail would still send.
    await sleep(SETTLE_MS)
    await tab.close()
    return {
      emitted: o.events,
      alone,
      nudged: tally.events(),
      doubled: tally.doubled(),
      repeated: tally.repeated(),
      recoveryMs,
    }
  } finally {
    await collector.close()
  }
}

/** The page that a script beside this one makes; the one that captures where none is named. */
export async function buildPage(
  script = './outage-page.ts',
  plugins: Plugin[] = [],
): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [new URL(script, import.meta.url).pathname],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"production"' },
    minify: true,
    charset: 'ascii',
    plugins,
  })
  return toPage(outputFiles[0]?.text ?? '')
}

/** A page with all of its script inside, and ears for orders. */
export function toPage(script: string): string {
  const module = script.replaceAll('</script', '<\\/script')
  return `<!doctype html><meta charset="utf-8"><script>(${takeOrders})()</script><script type="module">${module}</script>`
}

async function untilReady(tab: Tab): Promise<void> {
  while (!(await tab.run(() => 'outage' in globalThis).catch(() => false))) await sleep(20)
}

async function passTime(tab: Tab, ms: number): Promise<void> {
  await tab.run(async (more) => {
    await outage.flush()
    outage.advance(more)
  }, ms)
}

async function reload(tab: Tab): Promise<void> {
  await tab.run(() => void setTimeout(() => location.reload()))
  await sleep(SETTLE_MS)
  await untilReady(tab)
}

async function isComplete(tally: Tally, count: number, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs
  while (tally.events() < count && performance.now() < end) await sleep(20)
  return tally.events() >= count
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
}
