import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { bundleEntrants, NOTHING } from './entrants.js'
import { type Figures, formatFigures, judge, type Row, summarise } from './figures.js'
import { openStands, type Stand } from './lab.js'
import { type Cost, measureCosts, measurePersisting } from './measure.js'

const ROUNDS = 5

async function measure(skip: (name: string, why: string) => void): Promise<Figures> {
  const entrants = [...(await bundleEntrants()), NOTHING]
  const { stands, browser, close } = await openStands(entrants, skip)
  try {
    const costs = await measureCosts(stands, ROUNDS)
    const [ours, yardstick, ...rest] = toRows(stands, costs)
    const [first] = stands
    rest.sort((a, b) => a.threadUs - b.threadUs)
    return {
      rows: ours && yardstick ? [ours, yardstick, ...rest] : [],
      persistedPerSecond: first ? await measurePersisting(first) : Number.NaN,
      browser,
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
    }
  } finally {
    await close()
  }
}

/** What the measuring itself costs is taken off. */
function toRows(stands: readonly Stand[], costs: readonly Cost[]): Row[] {
  const idle = costs.at(-1) ?? { captureUs: 0, threadUs: 0 }
  return stands.slice(0, -1).map(({ entrant: { name, version, bytes } }, at) => {
    const { captureUs, threadUs, requests } = costs[at] ?? { ...idle, requests: 0 }
    const net = { captureUs: captureUs - idle.captureUs, threadUs: threadUs - idle.threadUs }
    return { name, version, bytes, requests, ...net }
  })
}

const figures = await measure((name, why) => console.error(`left out: ${name}: ${why}`))
console.log(formatFigures(figures, 'en'))
const out = process.argv.indexOf('--json')
if (out > 0) writeFileSync(process.argv[out + 1] ?? '', JSON.stringify(figures))
const misses = judge(figures)
for (const miss of misses) console.error(`missed: ${miss}`)
console.log(summarise(figures))
process.exit(misses.length > 0 ? 1 : 0)
