// npm run bench:shadow [-- --operations 10000]: what a shadow costs the operations of the owner's engine, in Chromium.
import { parseArgs } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright'
import { servePage } from '../serve.js'
import type { bench as Bench, Latencies } from './page.js'

declare const bench: typeof Bench

const BAR = 1.05
const ROUND = 500

const { values } = parseArgs({ options: { operations: { type: 'string', default: '10000' } } })
const rounds = Math.ceil(Number(values.operations) / ROUND)

const { url, server } = await servePage(new URL('./page.ts', import.meta.url))

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking'],
})

/** A profile of its own: databases and locks are not shared. */
async function openPage(from: Browser, withShadow: boolean): Promise<Page> {
  const page = await (await from.newContext()).newPage()
  await page.goto(url)
  await page.evaluate((shadow) => bench.begin(shadow), withShadow)
  return page
}

const runRound = (page: Page, round: number): Promise<Latencies> =>
  page.evaluate(([from, count]) => bench.run(from, count), [round * ROUND, ROUND] as const)

/** The mean without the slowest tenth: the browser's clock is too coarse for a median of so few milliseconds. */
const typical = (numbers: readonly number[]): number => {
  const kept = [...numbers].sort((a, b) => a - b).slice(0, Math.ceil(numbers.length * 0.9))
  return kept.reduce((sum, one) => sum + one, 0) / kept.length
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

try {
  const pages = { bare: await openPage(browser, false), shadowed: await openPage(browser, true) }
  const ratios = { accepted: [] as number[], acked: [] as number[] }
  const bare: Latencies = { accepted: [], acked: [] }
  // The first round warms both pages up.
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 ? (['bare', 'shadowed'] as const) : (['shadowed', 'bare'] as const)
    const results = new Map<string, Latencies>()
    for (const name of order) {
      results.set(name, await runRound(pages[name], round))
      if (name === 'shadowed') await pages.shadowed.evaluate(() => bench.settle())
    }
    if (round === 0) continue
    for (const what of ['accepted', 'acked'] as const) {
      const [without, beside] = ['bare', 'shadowed'].map((name) =>
        typical(results.get(name)?.[what] ?? []),
      )
      ratios[what].push((beside ?? Number.NaN) / (without ?? Number.NaN))
      bare[what].push(without ?? Number.NaN)
    }
  }
  const shadow = await pages.shadowed.evaluate(() => bench.settle())
  const [accepted, acked] = [median(ratios.accepted), median(ratios.acked)]
  const isRunning = shadow?.state === 'running' && shadow.applied > 0
  console.log(`shadow: ${JSON.stringify(shadow)}`)
  console.log(
    `without: accepted ${median(bare.accepted).toFixed(2)} ms, acknowledged ${median(bare.acked).toFixed(2)} ms (medians)`,
  )
  const holds = isRunning && accepted <= BAR && acked <= BAR
  console.log(
    `bench:shadow ${rounds * ROUND} operations with and without in ${rounds} rounds: accepted ${accepted.toFixed(3)}, acknowledged ${acked.toFixed(3)} times (at most ${BAR}), ${shadow?.applied ?? 0} applied, ${holds ? 'ok' : 'SHORT'}`,
  )
  process.exitCode = holds ? 0 : 1
} finally {
  await browser.close()
  server.close()
}
