import { mkdtemp, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright'
import { servePage } from '../serve.js'
import type { BenchPage } from './page.js'
import type { Upstream } from './upstream.js'

declare const bench: BenchPage

/** A page in Chromium with a profile on the disk: IndexedDB of a private one is kept in memory. */
export interface Lab {
  url: string
  server: Server
  page: Page
  context: BrowserContext
  browser: CDPSession
  /** Of the browser. */
  version: string
  close(): Promise<void>
}

/** The page's server hands what begins with /api to an upstream. */
export async function openLab(upstream: Upstream | null): Promise<Lab> {
  const { url, server } = await servePage(new URL('./page.ts', import.meta.url), {
    api: upstream?.listener,
    worker: new URL('./worker.ts', import.meta.url),
  })
  const folder = await mkdtemp(join(tmpdir(), 'graysync-bench-'))
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking'],
  })
  const page = await context.newPage()
  await page.goto(url)
  const session = await context.browser()?.newBrowserCDPSession()
  if (!session) throw new Error('no session with the browser')
  const version = context.browser()?.version() ?? ''
  return {
    url,
    server,
    page,
    context,
    browser: session,
    version: `Chromium ${version}`,
    async close() {
      await context.close()
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export interface Run {
  cpuMs: number
  wallMs: number
  /** Peak, garbage included. */
  heapMb: number
  longTasks: number[]
  verdict: { missing: number; extra: number; changed: number }
}

/** Compares the table of so many rows in one way. */
export async function measureRun(lab: Lab, way: string, rows: number): Promise<Run> {
  const session = await lab.context.newCDPSession(lab.page)
  await session.send('HeapProfiler.collectGarbage')
  const before = await readCpu(lab.browser)
  const sampling = sampleHeap(session, async () => {})
  const measured = await lab.page.evaluate(([name, count]) => bench.measure(name, count), [
    way,
    rows,
  ] as const)
  const cpuMs = (await readCpu(lab.browser)) - before
  const heapMb = await sampling.end()
  await session.detach()
  return { ...measured, cpuMs, heapMb }
}

/** CPU time of every process of the browser, in ms: IndexedDB works in another one than the page. */
async function readCpu(session: CDPSession): Promise<number> {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime * 1000, 0)
}

/** The most that is alive at any time, in MB: garbage is collected before each look. A run of its own, as that takes its time. */
export async function measureLive(lab: Lab, way: string, rows: number): Promise<number> {
  const session = await lab.context.newCDPSession(lab.page)
  const sampling = sampleHeap(session, () => session.send('HeapProfiler.collectGarbage'))
  await lab.page.evaluate(([name, count]) => bench.measure(name, count), [way, rows] as const)
  const live = await sampling.end()
  await session.detach()
  return live
}

interface TraceEvent {
  name: string
  pid: number
  tid: number
  tdur?: number
  args?: { name?: string }
}

/** The longest task on the page's main thread by its own CPU time, in ms: other people's load is not in it. */
export async function measureTasks(lab: Lab, way: string, rows: number): Promise<number> {
  const { browser } = lab
  const events: TraceEvent[] = []
  const collect = ({ value }: { value: object[] }) => events.push(...(value as TraceEvent[]))
  browser.on('Tracing.dataCollected', collect)
  await browser.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: {
      includedCategories: ['devtools.timeline', 'disabled-by-default-devtools.timeline'],
    },
  })
  await lab.page.evaluate(([name, count]) => bench.measure(name, count), [way, rows] as const)
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
