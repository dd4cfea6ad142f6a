import type { Lab } from './outage.js'
import { openUpstream, sleep } from './outage.js'
import type { OutagePage } from './outage-page.js'

declare const outage: OutagePage

const EVENTS = 50
const WAIT_MS = 10_000

export type Leaving = 'navigated' | 'closed'

/** How many of 50 events arrive that were captured in the moment in which the page is left: at once, and once it is opened again. */
export async function runLastBreath(
  lab: Lab,
  o: { html: string; leaving: Leaving; online: boolean },
): Promise<{ atOnce: number; later: number }> {
  const { url, collector, tally } = await openUpstream(o.html)
  try {
    const tab = await lab.openPage(url)
    await tab.run((count) => outage.emitAtLast(count), EVENTS)
    if (!o.online) collector.fault = 'reset'
    if (o.leaving === 'closed') await tab.close()
    else await tab.run(() => void setTimeout(() => location.assign('about:blank')))
    const end = performance.now() + (o.online ? WAIT_MS : 1_000)
    while (tally.events() < EVENTS && performance.now() < end) await sleep(20)
    const atOnce = tally.events()
    if (atOnce < EVENTS) {
      collector.fault = 'none'
      const next = await lab.openPage(url)
      const later = performance.now() + WAIT_MS / 2
      while (tally.events() < EVENTS && performance.now() < later) await sleep(20)
      await next.close()
    }
    return { atOnce, later: tally.events() }
  } finally {
    await collector.close()
  }
}

export interface KillResult {
  acknowledged: number
  /** Acknowledged, and not upstream afterwards. */
  lost: number
  /** Age of the oldest event that was not on disk yet, at its worst. */
  tailMs: number
}

/** Kills the browser while it captures 300 events a second: what was on disk before has to arrive. */
export async function runKill(lab: Lab, html: string): Promise<KillResult> {
  const { url, collector, tally } = await openUpstream(html)
  try {
    collector.fault = 'reset'
    const tab = await lab.openPage(url)
    await tab.run(() => outage.stream(300))
    let stored: number[] = []
    let tailMs = 0
    for (let look = 0; look < 12; look++) {
      await sleep(200 + Math.random() * 100)
      const progress = await tab.run(() => outage.progress())
      stored = progress.stored
      tailMs = Math.max(tailMs, progress.tailMs)
    }
    await lab.kill()
    collector.fault = 'none'
    const next = await lab.openPage(url)
    const isMissing = (index: number) => !tally.has(index)
    const end = performance.now() + WAIT_MS
    while (stored.some(isMissing) && performance.now() < end) await sleep(50)
    await next.close()
    return { acknowledged: stored.length, lost: stored.filter(isMissing).length, tailMs }
  } finally {
    await collector.close()
  }
}
