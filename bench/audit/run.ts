// npm run bench:audit: a full audit in Chromium against reading alone, naive ways and npm libraries; an incremental one of
// few and of many rows; what tracking costs a write; what is said to the demo's upstream. With -- --nightly: a million rows.
// -- --only full,follow,writes,talk runs parts of it; -- --json FILE keeps the figures.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import {
  type Bar,
  type Figures,
  type Following,
  type Full,
  judgeFollowing,
  judgeFull,
  judgeLarge,
  judgeTalk,
  judgeWrites,
  type Talk,
  type WayName,
  type Writes,
} from './figures.js'
import { type Lab, measureLive, measureRun, measureTasks, openLab, type Run } from './lab.js'
import type { BenchPage } from './page.js'
import { countDigests, openUpstream, type Upstream } from './upstream.js'

declare const bench: BenchPage

const { values } = parseArgs({
  options: {
    nightly: { type: 'boolean', default: false },
    only: { type: 'string', default: 'full,follow,writes,talk' },
    json: { type: 'string' },
  },
})
const parts = values.only.split(',')
const SMALL = 10_000
const ROWS = 100_000
const LARGE = 1_000_000
const MANY = values.nightly ? LARGE : ROWS
const ROUNDS = 3
const FOLLOW_ROUNDS = 15
const WRITE_ROUNDS = 600
const DIFFERENCES = 100
const PLANTED = { missing: 20, extra: 20, changed: 60 }

const told: Bar[] = []
const wants = (part: string): boolean => parts.includes(part)
const upstream = wants('talk') ? await openUpstream(ROWS) : null
const lab = await openLab(upstream)
try {
  const figures: Figures = { browser: lab.version, cpu: cpus()[0]?.model.trim() ?? 'unknown' }
  if (wants('full') || wants('follow')) await fill(lab)
  if (wants('follow')) {
    figures.following = await measureFollowing(lab)
    tell(judgeFollowing(figures.following))
  }
  if (wants('full')) {
    figures.full = await measureFull(lab, ROWS, ['floor', 'audit', 'worker', 'normalised', 'json'])
    await comparePairs(lab)
    tell(judgeFull(figures.full))
  }
  if (figures.full && values.nightly) {
    figures.large = await measureFull(lab, LARGE, ['floor', 'audit'])
    tell(judgeLarge(figures.full, figures.large))
  }
  if (wants('writes')) {
    figures.writes = await measureWrites(lab)
    tell(judgeWrites(figures.writes))
  }
  if (upstream) {
    figures.talks = await measureTalks(lab, upstream)
    tell(figures.talks.map(judgeTalk))
  }
  if (values.json) writeFileSync(values.json, JSON.stringify(figures))
  const short = told.filter(([, holds]) => !holds).length
  const verdict = short === 0 && told.length > 0 ? 'ok' : 'FALLS SHORT'
  console.log(`bench:audit ${verdict}: ${told.length - short} of ${told.length} bars hold`)
  process.exitCode = verdict === 'ok' ? 0 : 1
} finally {
  await lab.close()
  await upstream?.close()
}

/** Every part has a page of its own: what another one left on the heap is not counted. */
async function renew({ page, url }: Lab): Promise<void> {
  await page.goto(url)
}

async function fill({ page }: Lab): Promise<void> {
  const sizes = [MANY, ...(wants('follow') ? [SMALL] : []), ...(wants('full') ? [ROWS] : [])]
  await page.evaluate(([all, differences]) => bench.fill(all, differences), [
    [...new Set(sizes)],
    DIFFERENCES,
  ] as const)
}

async function measureFull(lab: Lab, rows: number, names: readonly WayName[]): Promise<Full> {
  await renew(lab)
  const runs = new Map<WayName, Run[]>(names.map((name) => [name, []]))
  // The first one warms up.
  await measureRun(lab, 'floor', rows)
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) {
      // The naive ways are not close to anything.
      if (round > 0 && (name === 'normalised' || name === 'json')) continue
      runs.get(name)?.push(await measureRun(lab, name, rows))
    }
  }
  const ways = []
  for (const [name, all] of runs) {
    const least = (read: (run: Run) => number) => Math.min(...all.map(read))
    const tasksMs: number[] = []
    for (let round = 0; round < all.length && rows === ROWS; round++) {
      tasksMs.push(await measureTasks(lab, name, rows))
    }
    const [{ verdict } = { verdict: { missing: 0, extra: 0, changed: 0 } }] = all
    const way = {
      name,
      cpuMs: least(({ cpuMs }) => cpuMs),
      wallMs: least(({ wallMs }) => wallMs),
      heapMb: -least(({ heapMb }) => -heapMb),
      liveMb: await measureLive(lab, name, rows),
      tasksMs,
      told: verdict.missing + verdict.extra + verdict.changed,
      isRight: all.every((run) => JSON.stringify(run.verdict) === JSON.stringify(PLANTED)),
    }
    ways.push(way)
    const longest = Math.max(0, ...all.flatMap(({ longTasks }) => longTasks))
    console.log(
      [
        name.padEnd(10),
        `${rows} rows`,
        `CPU ${way.cpuMs.toFixed(0)} ms`,
        `wall ${way.wallMs.toFixed(0)} ms`,
        `heap ${way.heapMb.toFixed(0)} MB, alive ${way.liveMb.toFixed(0)} MB`,
        `long tasks ${all.map((run) => run.longTasks.length).join('/')} (worst ${longest.toFixed(0)} ms)`,
        `found ${JSON.stringify(verdict)}`,
      ].join('  '),
    )
  }
  return { rows, ways }
}

async function comparePairs({ page }: Lab): Promise<void> {
  const pairs = await page.evaluate(() => bench.comparePairs(10_000, 3))
  console.log('one pair, in memory:')
  const own = pairs.graysync ?? 1
  for (const [name, micros] of Object.entries(pairs)) {
    console.log(`${name.padEnd(22)} ${micros.toFixed(2)} µs, ${(micros / own).toFixed(1)} times`)
  }
}

async function measureFollowing(lab: Lab): Promise<Following> {
  await renew(lab)
  const times = await lab.page.evaluate(
    ([sizes, rounds]) => bench.measureFollowing(sizes, rounds),
    [[SMALL, MANY], FOLLOW_ROUNDS] as const,
  )
  return {
    few: SMALL,
    many: MANY,
    fewMs: median(times[SMALL] ?? []),
    manyMs: median(times[MANY] ?? []),
  }
}

async function measureWrites(lab: Lab): Promise<Writes> {
  await renew(lab)
  const { single, bulk } = await lab.page.evaluate(
    (rounds) => bench.measureWrites(rounds, ['fence', 'tracked']),
    WRITE_ROUNDS,
  )
  return {
    fenceMs: median(single.fence),
    trackedMs: median(single.tracked),
    bulkFenceMs: median(bulk.fence),
    bulkTrackedMs: median(bulk.tracked),
  }
}

async function measureTalks(lab: Lab, { user, place }: Upstream): Promise<Talk[]> {
  await renew(lab)
  const server = { url: lab.url, user }
  const hydrated = await lab.page.evaluate((o) => bench.hydrate(o), server)
  console.log(`${hydrated} rows taken from ${place}`)
  const digests = countDigests(lab.server)
  const talks: Talk[] = []
  for (const differences of [10, 1_000]) {
    digests.take()
    const found = await lab.page.evaluate(([o, rows, count]) => bench.measureTalk(o, rows, count), [
      server,
      ROWS,
      differences,
    ] as const)
    talks.push({ rows: ROWS, differences, found, ...digests.take() })
  }
  return talks
}

function tell(bars: readonly Bar[]): void {
  for (const [figure, holds] of bars) console.log(`${holds ? 'ok   ' : 'SHORT'} ${figure}`)
  told.push(...bars)
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN
}
