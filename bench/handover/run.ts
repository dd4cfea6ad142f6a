// npm run bench:handover [-- --rounds 600 --crossings 5 --elections 20]: what the fence costs a write and a handover takes,
// in Chromium, beside bare Dexie writes in the same run, and how soon another tab leads when one dies. --json FILE keeps the figures.
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium, type Page } from 'playwright'
import { servePage } from '../serve.js'
import type { Crossing } from './crossing.js'
import type { Crossings, Figures, Writes } from './figures.js'
import type { Bench } from './page.js'
import type { Way } from './writes.js'

declare const bench: Bench

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '600' },
    crossings: { type: 'string', default: '5' },
    elections: { type: 'string', default: '20' },
    json: { type: 'string' },
  },
})
/**
 * `fence`, `full`: a write against a bare one. `crossing`: from the fence to the commit with 1,000 operations, against
 * writing 1,000 rows. `growth`: the same per operation with 10,000, against 1,000. All of medians.
 * `election`: 95 of 100, in ms. `blocked`: the longest that the page did not answer in any handover, in ms.
 */
const BARS = { fence: 1.35, full: 1.6, crossing: 20, growth: 1.2, election: 1_000, blocked: 50 }

const { url, server } = await servePage(new URL('./page.ts', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'graysync-bench-'))
// A profile on the disk: IndexedDB of a private one is kept in memory.
const context = await chromium.launchPersistentContext(folder, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking'],
})

function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
const median = (numbers: readonly number[]) => quantile(numbers, 0.5)

function print(rows: number, times: Record<Way, number[]>): Writes {
  const [bareMs, fenceMs, fullMs] = [median(times.bare), median(times.fence), median(times.full)]
  const ratio = (ms: number) => `${ms.toFixed(2)} ms, ${(ms / bareMs).toFixed(2)} times`
  console.log(
    `a write of ${rows}: bare ${bareMs.toFixed(2)} ms; fence ${ratio(fenceMs)}; fence, capture and tracking ${ratio(fullMs)}`,
  )
  return { rows, bareMs, fenceMs, fullMs }
}

async function measureWrites() {
  const page = await openPage()
  const { single, bulk } = await page.evaluate(
    (rounds) => bench.measureWrites(rounds),
    Number(values.rounds),
  )
  await page.close()
  const one = print(1, single)
  return {
    fence: one.fenceMs / one.bareMs,
    full: one.fullMs / one.bareMs,
    writes: [one, print(100, bulk)],
  }
}

async function openPage(): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

/** Each in a page of its own, so that none has the memory of another. */
async function cross(operations: number, times: number): Promise<Crossing[]> {
  const crossings: Crossing[] = []
  for (let n = 0; n < times; n++) {
    const filling = await openPage()
    const filled = await filling.evaluate((count) => bench.fillProfile(count), operations)
    await filling.close()
    const page = await openPage()
    crossings.push(await page.evaluate((known) => bench.measureCrossing(known), filled))
    await page.close()
  }
  return crossings
}

async function measureCrossings() {
  const few = await cross(1_000, Number(values.crossings))
  const many = await cross(10_000, Math.ceil(Number(values.crossings) / 2))
  const ratio = median(few.map(({ fenced, bare }) => fenced / bare))
  const [one, ten] = [few, many].map((list) => median(list.map(({ fenced }) => fenced)))
  const growth = (ten ?? Number.NaN) / (one ?? Number.NaN) / 10
  const blocked = Math.max(...[...few, ...many].map((crossing) => crossing.blocked))
  return {
    crossing: ratio,
    growth,
    blocked,
    crossings: [printCrossings(1_000, few), printCrossings(10_000, many)],
  }
}

function printCrossings(operations: number, list: readonly Crossing[]): Crossings {
  const of = (key: keyof Crossing) => median(list.map((crossing) => crossing[key]))
  const ms = (key: keyof Crossing) => `${of(key).toFixed(0)} ms`
  console.log(
    `${operations.toLocaleString('en')} operations, 10,000 rows, 20 MB of images: prepared in ${ms('prepared')}, fence to commit ${ms('fenced')}, 1,000 bare rows ${ms('bare')}, ${of('moved')} moved, page blocked ${ms('blocked')} in the median`,
  )
  return { operations, fencedMs: of('fenced'), blockedMs: of('blocked') }
}

/** Kills the tab that leads again and again; another one waits each time. */
async function measureElections() {
  const times: number[] = []
  let leader = await openPage()
  await leader.evaluate(() => bench.join())
  await leader.evaluate(() => bench.leads())
  for (let n = 0; n < Number(values.elections); n++) {
    const next = await openPage()
    const role = await next.evaluate(() => bench.join())
    if (role !== 'follower') throw new Error(`the tab that waits is ${role}`)
    const session = await context.newCDPSession(leader)
    const killedAt = Date.now()
    // The page is gone before it answers.
    session.send('Page.crash').catch(() => undefined)
    times.push(Number(await next.evaluate(() => bench.leads())) - killedAt)
    await leader.close()
    leader = next
  }
  await leader.close()
  console.log(
    `${times.length} killed tabs: another leads after ${median(times).toFixed(0)} ms in the median, ${quantile(times, 0.95).toFixed(0)} ms in 95 of 100`,
  )
  return { election: quantile(times, 0.95), electionMs: median(times) }
}

try {
  const { writes, crossings, electionMs, ...reached } = {
    ...(await measureWrites()),
    ...(await measureCrossings()),
    ...(await measureElections()),
  }
  if (values.json) {
    const measured: Figures = {
      writes,
      crossings,
      election: { medianMs: electionMs, mostMs: reached.election },
      browser: `Chromium ${context.browser()?.version() ?? ''}`,
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
    }
    writeFileSync(values.json, JSON.stringify(measured))
  }
  const short = Object.entries(BARS).filter(
    ([name, bar]) => !(reached[name as keyof typeof BARS] <= bar),
  )
  const figures = Object.entries(BARS).map(
    ([name, bar]) => `${name} ${reached[name as keyof typeof BARS].toFixed(2)} of ${bar}`,
  )
  console.log(`bench:handover ${short.length === 0 ? 'ok' : 'FALLS SHORT'}: ${figures.join(', ')}`)
  process.exitCode = short.length === 0 ? 0 : 1
} finally {
  await context.close()
  server.close()
  await rm(folder, { recursive: true, force: true })
}
