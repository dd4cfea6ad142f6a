// npm run bench:handover [-- --rounds 600]: what the fence costs a write, in Chromium, beside a bare Dexie write in the same run.
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { chromium } from 'playwright'
import type { measureWrites, Way } from './writes.js'

declare const bench: { measureWrites: typeof measureWrites }

const { values } = parseArgs({ options: { rounds: { type: 'string' } } })
const rounds = Number(values.rounds ?? 600)
/** Of medians, against a bare write. */
const BARS = { fence: 1.35, full: 1.6 }

const bundle = await build({
  entryPoints: [new URL('./writes.ts', import.meta.url).pathname],
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

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0
}

function print(name: string, times: Record<Way, number[]>): { fence: number; full: number } {
  const [bare, fence, full] = [median(times.bare), median(times.fence), median(times.full)]
  const ratios = { fence: fence / bare, full: full / bare }
  console.log(
    `${name}: bare ${bare.toFixed(2)} ms; fence ${fence.toFixed(2)} ms, ${ratios.fence.toFixed(2)} times; fence, capture and tracking ${full.toFixed(2)} ms, ${ratios.full.toFixed(2)} times`,
  )
  return ratios
}

try {
  const page = await context.newPage()
  await page.goto(`http://127.0.0.1:${port}/`)
  const { single, bulk } = await page.evaluate((count) => bench.measureWrites(count), rounds)
  const ratios = print(`one row, ${rounds} rounds`, single)
  print('100 rows in one write', bulk)
  const isWithin = ratios.fence <= BARS.fence && ratios.full <= BARS.full
  console.log(
    `bench:handover ${isWithin ? 'ok' : 'FALLS SHORT'}: fence ${ratios.fence.toFixed(2)} of ${BARS.fence}, fence with capture and tracking ${ratios.full.toFixed(2)} of ${BARS.full} times a bare write`,
  )
  process.exitCode = isWithin ? 0 : 1
} finally {
  await context.close()
  server.close()
  await rm(folder, { recursive: true, force: true })
}
