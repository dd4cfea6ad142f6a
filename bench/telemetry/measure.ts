import { median } from '../decision/measure.js'
import { captureBursts, type Stand } from './lab.js'
import type { Peer } from './peer.js'

declare const peer: Peer

const BURSTS = 15
const SIZE = 20
const COUNT = BURSTS * SIZE
/** So long a peer is waited for that keeps what it has. */
const PATIENCE_MS = 6_000
const QUIET_MS = 200

export interface Cost {
  /** On the calling side, one event: the mean of a round, the median of the rounds. */
  captureUs: number
  /** CPU time of the page's main thread, one event, until it has left: the same. */
  threadUs: number
  requests: number
}

/** Lets each entrant take the same events, in turns, so that a machine that slows down slows all. */
export async function measureCosts(stands: readonly Stand[], rounds: number): Promise<Cost[]> {
  const taken = stands.map(() => ({ capture: [] as number[], thread: [] as number[] }))
  // One round first in which everything is compiled.
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < stands.length; turn++) {
      const at = (round + turn) % stands.length
      const stand = stands[at]
      if (!stand) continue
      const cost = await runRound(stand, round * COUNT)
      if (round === 0) continue
      taken[at]?.capture.push(cost.captureUs)
      taken[at]?.thread.push(cost.threadUs)
    }
  }
  return taken.map(({ capture, thread }, at) => ({
    captureUs: median(capture),
    threadUs: median(thread),
    requests: Math.round((stands[at]?.requests() ?? 0) / (rounds + 1)),
  }))
}

async function runRound(stand: Stand, from: number) {
  await stand.page.bringToFront()
  const before = await stand.threadUs()
  const expected = stand.tally.events() + COUNT
  const bursts = await captureBursts(stand, { from, bursts: BURSTS, size: SIZE })
  const end = performance.now() + (stand.entrant.sends ? PATIENCE_MS : 0)
  while (stand.tally.events() < expected && performance.now() < end) await sleep(20)
  await sleep(QUIET_MS)
  const threadUs = ((await stand.threadUs()) - before) / COUNT
  return { captureUs: bursts.reduce((sum, us) => sum + us, 0) / BURSTS, threadUs }
}

/** How many events a second reach the disk in a burst. */
export async function measurePersisting({ page }: Stand): Promise<number> {
  const rates: number[] = []
  for (let round = 0; round < 5; round++) rates.push(await page.evaluate(persist, 5_000))
  return median(rates)
}

async function persist(count: number): Promise<number> {
  const startedAt = performance.now()
  for (let at = 0; at < count; at++) peer.capture('once more')
  await peer.persist?.()
  return (count * 1_000) / (performance.now() - startedAt)
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
