// npm run sweep -- [--size ci|pr|nightly] [--kind crash|double|life|commands|interleavings] [--seed 1] [--runs n] | --one '{…}':
// breaks handovers at every place. --path and --replay are what a failure of the last two kinds prints.
import { parseArgs } from 'node:util'
import { loadSweep } from '../test/sweep/bundle.js'

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: 'ci' },
    kind: { type: 'string' },
    seed: { type: 'string', default: '1' },
    runs: { type: 'string' },
    parts: { type: 'string', default: '1' },
    part: { type: 'string', default: '0' },
    one: { type: 'string' },
    path: { type: 'string' },
    replay: { type: 'string' },
  },
})

const { KINDS, runOne, SIZES, sweep } = await loadSweep()

if (values.one) {
  const { wrong } = await runOne(JSON.parse(values.one))
  for (const line of wrong) console.error(line)
  console.log(wrong.length === 0 ? 'sweep: nothing wrong' : `sweep: ${wrong.length} wrong`)
  process.exit(wrong.length === 0 ? 0 : 1)
}

// Nobody reads a stack of these worlds, and making them takes a tenth of the time.
Error.stackTraceLimit = 0

const size = SIZES[values.size as keyof typeof SIZES]
const kinds = KINDS.filter((kind) => values.kind === undefined || values.kind === kind)
if (!size || kinds.length === 0) {
  console.error(`--size is one of ${Object.keys(SIZES).join(', ')}; --kind of ${KINDS.join(', ')}`)
  process.exit(1)
}
const figures: string[] = []
let failed = 0
const began = performance.now()
for (const kind of kinds) {
  const tally = await sweep({
    kind,
    runs: Number(values.runs ?? size[kind]),
    seed: Number(values.seed),
    parts: Number(values.parts),
    part: Number(values.part),
    ...(values.path !== undefined && { path: values.path }),
    ...(values.replay && { replay: values.replay }),
  })
  for (const failure of tally.failures.slice(0, 10)) console.error(failure)
  failed += tally.failures.length
  const places = tally.places === 0 ? '' : ` over ${tally.places} places`
  figures.push(
    `${kind} ${tally.runs}${places}, doubled where none is promised ${tally.doubled}, stale after a freeze ${tally.stale}`,
  )
}
const seconds = ((performance.now() - began) / 1000).toFixed(0)
console.log(`sweep: seed ${values.seed}, ${figures.join('; ')}; failures ${failed}; ${seconds} s`)
process.exit(failed === 0 ? 0 : 1)
