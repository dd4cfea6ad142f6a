// npm run oracle:audit -- --runs 100000 [--seed 1]: audits random pairs of stores and holds each verdict against a slow oracle.
import { parseArgs } from 'node:util'
import { runTrial } from '../test/consistency/trial.js'

const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } })
const runs = Number(values.runs ?? 10_000)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const planted: Record<string, number> = {}
let rows = 0
let disputes = 0
const began = performance.now()
for (let at = 0; at < runs; at++) {
  const trial = await runTrial(seed + at)
  rows += trial.rows
  for (const [name, count] of Object.entries(trial.planted)) {
    planted[name] = (planted[name] ?? 0) + count
  }
  for (const dispute of trial.disputes) {
    if (disputes++ < 20) console.error(dispute)
  }
}
const seconds = ((performance.now() - began) / 1000).toFixed(1)
const kinds = Object.entries(planted).map(([name, count]) => `${name} ${count}`)
console.log(
  `oracle: seed ${seed}, ${runs} pairs of stores, ${rows} keys, disputes ${disputes}, planted ${kinds.sort().join(', ')}, ${seconds} s`,
)
process.exit(disputes === 0 ? 0 : 1)
