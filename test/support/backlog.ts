import type { StoredRecord } from './collector.js'
import { type Lab, openUpstream, sleep } from './outage.js'
import type { OutagePage } from './outage-page.js'

declare const outage: OutagePage

const WAIT_MS = 60_000
const LOOKS = 5

export interface BacklogResult {
  emitted: number
  arrived: number
  /** What upstream was told of as given up. */
  dropped: number
  /** Of telemetry on disk, at most. */
  bytes: number
  /** Entries of feedback that arrived, of two. */
  feedback: number
  /** What nobody caught in the page. */
  thrown: readonly string[]
  /** By how much JavaScript's heap grew after the first fifth; `null` where the browser keeps it to itself. */
  heapGrowth: number | null
  repeated: number
}

/** Captures far more than fits in an outage, between two entries of feedback. After a fifth the host may take all that is left of the disk. */
export async function runBacklog(
  lab: Lab,
  o: { html: string; events: number; isFilled: boolean },
): Promise<BacklogResult> {
  const { url, collector, tally } = await openUpstream(o.html)
  const emitted = o.events + 2
  try {
    collector.fault = '503'
    const tab = await lab.openPage(url)
    await tab.run(() => outage.feedback())
    const heaps: (number | null)[] = []
    let bytes = 0
    for (let look = 0; look < LOOKS; look++) {
      await tab.run(
        (from, count) => outage.emitMany(from, count),
        1 + (look * o.events) / LOOKS,
        o.events / LOOKS,
      )
      if (o.isFilled && look === 0) await tab.run(() => outage.fillDisk())
      heaps.push(await tab.run(() => outage.heapBytes()))
      bytes = Math.max(bytes, await tab.run(() => outage.diskBytes()))
    }
    await tab.run(() => outage.feedback())
    collector.fault = 'none'
    await tab.run(() => void dispatchEvent(new Event('online')))
    const isOver = () => tally.events() + countDropped(collector.stored.values()) >= emitted
    const end = performance.now() + WAIT_MS
    while (!isOver() && performance.now() < end) await sleep(50)
    const thrown = await tab.run(() => outage.thrown())
    await tab.close()
    const [first, last] = [heaps[0] ?? null, heaps.at(-1) ?? null]
    return {
      emitted,
      arrived: tally.events(),
      dropped: countDropped(collector.stored.values()),
      bytes,
      feedback: [0, emitted - 1].filter(tally.has).length,
      thrown,
      heapGrowth: first === null || last === null ? null : last - first,
      repeated: tally.repeated(),
    }
  } finally {
    await collector.close()
  }
}

/** Many tabs of one origin capture at once: one sends for all. */
export async function runTabs(
  lab: Lab,
  html: string,
  o: { tabs: number; each: number },
): Promise<{ emitted: number; arrived: number; repeated: number; busiest: number }> {
  const { url, collector, tally } = await openUpstream(html)
  try {
    const tabs = []
    for (let at = 0; at < o.tabs; at++) tabs.push(await lab.openPage(url))
    await Promise.all(
      tabs.map((tab, at) =>
        tab.run((from, count) => outage.emitMany(from, count), at * o.each, o.each),
      ),
    )
    const emitted = o.tabs * o.each
    const end = performance.now() + WAIT_MS
    while (tally.events() < emitted && performance.now() < end) await sleep(50)
    // A tab that closes sends for itself, whoever else sends.
    const { busiest } = collector
    for (const tab of tabs) await tab.close()
    return { emitted, arrived: tally.events(), repeated: tally.repeated(), busiest }
  } finally {
    await collector.close()
  }
}

function countDropped(records: Iterable<StoredRecord>): number {
  let count = 0
  for (const { eventName, attributes } of records) {
    if (eventName !== 'graysync.outbox.dropped') continue
    const found = attributes.find(({ key }) => key === 'graysync.count')
    count += Number(found?.value.intValue ?? 0)
  }
  return count
}
