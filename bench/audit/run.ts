// npm run bench:audit [-- --rows 100000]: a full audit in Chromium against reading alone, naive ways and npm libraries.
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { type CDPSession, chromium, type Page } from 'playwright'
import type { BenchPage } from './page.js'

declare const bench: BenchPage

const { values } = parseArgs({ options: { rows: { type: 'string' }, rounds: { type: 'string' } } })
const rows = Number(values.rows ?? 100_000)
const rounds = Number(values.rounds ?? 3)
const DIFFERENCES = 100
const PLANTED = { missing: 20, extra: 20, changed: 60 }
const BARS = { cpu: 1.15, taskMs: 50, heapMb: 64, naiveHeap: 0.2 }

interface Figures {
  cpuMs: number
  wallMs: number
  /** Peak, garbage included. */
  heapMb: number
  longTasks: number[]
  verdict: typeof PLANTED
}

const bundle = await build({
  entryPoints: [new URL('./page.ts', import.meta.url).pathname],
  bundle: true,
  write: false,
  format: 'iife',
  target: 'es2022',
  minify: true,
})
const script = bundle.outputFiles[0]?.text ?? ''
const server = createServer((request, response) => {
  const isScript = request.url === '/bench.js'
  response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
  response.end(
    isScript ? script : '<!doctype html><title>bench</title><script src="/bench.js"></script>',
  )
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo
const folder = await mkdtemp(join(tmpdir(), 'graysync-bench-'))
// A profile on the disk: IndexedDB of a private one is kept in memory.
const context = await chromium.launchPersistentContext(folder, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking'],
})

/** CPU time of every process of the browser, in ms: IndexedDB works in another one than the page. */
async function readCpu(session: CDPSession): Promise<number> {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime * 1000, 0)
}

async function measure(page: Page, browser: CDPSession, way: string): Promise<Figures> {
  const session = await context.newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  const before = await readCpu(browser)
  const sampling = sampleHeap(session, async () => {})
  const figures = await page.evaluate((name) => bench.measure(name), way)
  const cpuMs = (await readCpu(browser)) - before
  const heapMb = await sampling.end()
  await session.detach()
  return { ...figures, cpuMs, heapMb }
}

/** The most that is alive at any time: garbage is collected before each look. A run of its own, as that takes its time. */
async function measureLive(page: Page, way: string): Promise<number> {
  const session = await context.newCDPSession(page)
  const sampling = sampleHeap(session, () => session.send('HeapProfiler.collectGarbage'))
  await page.evaluate((name) => bench.measure(name), way)
  const live = await sampling.end()
  await session.detach()
  return live
}

interface TraceEvent {
  name: string
  pid: number
  tid: number
  dur?: number
  tdur?: number
  args?: { name?: string }
}

/** The longest task on the page's main thread by its own CPU time, in ms: other people's load is not in it. */
async function measureTasks(page: Page, browser: CDPSession, way: string): Promise<number> {
  const events: TraceEvent[] = []
  const collect = ({ value }: { value: object[] }) => events.push(...(value as TraceEvent[]))
  browser.on('Tracing.dataCollected', collect)
  await browser.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: {
      includedCategories: ['devtools.timeline', 'disabled-by-default-devtools.timeline'],
    },
  })
  await page.evaluate((name) => bench.measure(name), way)
  const complete = new Promise<void>((resolve) => {
    browser.once('Tracing.tracingComplete', () => resolve())
  })
  await browser.send('Tracing.end')
  await complete
  browser.off('Tracing.dataCollected', collect)
  const isMain = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  )
  const tasks = events.filter(
    ({ name, pid, tid }) => name === 'RunTask' && isMain.has(`${pid} ${tid}`),
  )
  if (tasks.length < 100) throw new Error(`only ${tasks.length} tasks in the trace`)
  return Math.max(...tasks.map(({ tdur }) => tdur ?? 0)) / 1000
}

/** Looks at the heap some times a second; answers the peak in MB. */
function sampleHeap(
  session: CDPSession,
  prepare: () => Promise<unknown>,
): { end(): Promise<number> } {
  let peak = 0
  let isRunning = true
  const sampling = (async () => {
    while (isRunning) {
      await prepare()
      const { usedSize } = await session.send('Runtime.getHeapUsage')
      peak = Math.max(peak, usedSize)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })()
  return {
    async end() {
      isRunning = false
      await sampling
      return peak / 2 ** 20
    },
  }
}

const least = (runs: Figures[], read: (one: Figures) => number) => Math.min(...runs.map(read))
const most = (runs: Figures[], read: (one: Figures) => number) => Math.max(...runs.map(read))

try {
  const page = await context.newPage()
  await page.goto(`http://127.0.0.1:${port}/`)
  const browser = await context.browser()?.newBrowserCDPSession()
  if (!browser) throw new Error('no session with the browser')
  for (const side of ['left', 'right'] as const) {
    await page.evaluate((o) => bench.fill(o.side, o.rows, o.differences), {
      side,
      rows,
      differences: DIFFERENCES,
    })
  }
  const results: Record<string, Figures[]> = { floor: [], audit: [], json: [], normalised: [] }
  await measure(page, browser, 'floor')
  for (let round = 0; round < rounds; round++) {
    for (const way of ['floor', 'audit']) results[way]?.push(await measure(page, browser, way))
  }
  for (const way of ['normalised', 'json']) results[way]?.push(await measure(page, browser, way))
  const live: Record<string, number> = {}
  for (const way of Object.keys(results)) live[way] = await measureLive(page, way)
  const tasks: number[] = []
  for (let round = 0; round < rounds; round++) {
    tasks.push(await measureTasks(page, browser, 'audit'))
  }
  const pairs = await page.evaluate(() => bench.comparePairs(10_000, 3))
  process.exitCode = tell(results, live, tasks, pairs) ? 0 : 1
} finally {
  await context.close()
  server.close()
  await rm(folder, { recursive: true })
}

function tell(
  results: Record<string, Figures[]>,
  live: Record<string, number>,
  tasks: readonly number[],
  pairs: Record<string, number>,
): boolean {
  console.log(`two stores of ${rows} rows, ${DIFFERENCES} planted differences, best of ${rounds}`)
  for (const [way, runs] of Object.entries(results)) {
    const longest = Math.max(0, ...runs.flatMap(({ longTasks }) => longTasks))
    console.log(
      [
        way.padEnd(11),
        `CPU ${least(runs, ({ cpuMs }) => cpuMs).toFixed(0)} ms`,
        `wall ${least(runs, ({ wallMs }) => wallMs).toFixed(0)} ms`,
        `heap ${most(runs, ({ heapMb }) => heapMb).toFixed(0)} MB, alive ${live[way]?.toFixed(0)} MB`,
        `long tasks ${runs.map(({ longTasks }) => longTasks.length).join('/')} (worst ${longest.toFixed(0)} ms)`,
        `found ${JSON.stringify(runs[0]?.verdict)}`,
      ].join('  '),
    )
  }
  console.log('one pair, in memory:')
  const own = pairs.graysync ?? 1
  for (const [name, micros] of Object.entries(pairs)) {
    console.log(`${name.padEnd(22)} ${micros.toFixed(2)} µs, ${(micros / own).toFixed(1)} times`)
  }
  const { floor = [], audit = [], normalised = [] } = results
  const cpu = least(audit, ({ cpuMs }) => cpuMs) / least(floor, ({ cpuMs }) => cpuMs)
  const heapOf = (runs: Figures[]) => most(runs, ({ heapMb }) => heapMb)
  const over = heapOf(audit) - heapOf(floor)
  const share = (live.audit ?? 0) / (live.normalised ?? 0)
  const bars: [string, boolean][] = [
    [`CPU over reading alone ${cpu.toFixed(2)} (at most ${BARS.cpu})`, cpu <= BARS.cpu],
    [
      `longest task of an audit ${tasks.map((ms) => ms.toFixed(0)).join(', ')} ms of CPU (at most ${BARS.taskMs})`,
      tasks.every((ms) => ms <= BARS.taskMs),
    ],
    [`heap over reading alone ${over.toFixed(0)} MB (at most ${BARS.heapMb})`, over <= BARS.heapMb],
    [
      `live heap against normalised JSON ${share.toFixed(2)} (at most ${BARS.naiveHeap})`,
      share <= BARS.naiveHeap,
    ],
    [
      'less CPU than normalised JSON',
      least(audit, ({ cpuMs }) => cpuMs) < least(normalised, ({ cpuMs }) => cpuMs),
    ],
    [
      'every planted difference found, and no other',
      audit.every(({ verdict }) => JSON.stringify(verdict) === JSON.stringify(PLANTED)),
    ],
  ]
  for (const [bar, holds] of bars) console.log(`${holds ? 'ok   ' : 'SHORT'} ${bar}`)
  return bars.every(([, holds]) => holds)
}
