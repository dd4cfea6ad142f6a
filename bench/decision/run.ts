import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { measureBundle } from './bundle.js'
import { type Entrant, loadEntrants } from './candidates.js'
import { measureColdStarts } from './cold.js'
import { type Figures, formatFigures, judge, type Row } from './figures.js'
import { interleave, sampleOf } from './measure.js'
import { type Evaluate, isMeant, PEOPLE } from './scene.js'
import { measureVerify } from './verify.js'

const meant = PEOPLE.filter(isMeant)
let taken = 0

/** Everybody whom the rule has to look at to its end. */
function evaluateAll(evaluate: Evaluate): () => void {
  return () => {
    for (const person of meant) if (evaluate(person)) taken += 1
  }
}

async function measureEvaluations(entrants: readonly Entrant[]): Promise<number[]> {
  const evaluates = await Promise.all(entrants.map(({ start, payload }) => start(payload)))
  const samples = evaluates.map((evaluate) => sampleOf(evaluateAll(evaluate)))
  const perRun = await interleave(samples, { rounds: 101, times: 4, warmUp: 300 })
  return perRun.map((ns) => ns / meant.length)
}

async function measure(skip: (name: string, why: string) => void): Promise<Figures> {
  const entrants = await loadEntrants(skip)
  const evaluations = await measureEvaluations(entrants)
  const starts = await measureColdStarts(entrants, skip)
  const rows: Row[] = []
  for (const [at, { name, version, entry }] of entrants.entries()) {
    const bytes = entry === null ? null : await measureBundle(entry)
    const evaluateNs = evaluations[at] ?? Number.NaN
    rows.push({ name, version, evaluateNs, startNs: starts[at] ?? null, bytes })
  }
  const [ours, ...peers] = rows
  peers.sort((a, b) => a.evaluateNs - b.evaluateNs)
  return {
    rows: ours ? [ours, ...peers] : peers,
    verify: await measureVerify(),
    node: process.versions.node,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
  }
}

const figures = await measure((name, why) => console.error(`left out: ${name}: ${why}`))
console.log(formatFigures(figures, 'en'))
const out = process.argv.indexOf('--json')
if (out > 0) writeFileSync(process.argv[out + 1] ?? '', JSON.stringify(figures))
const misses = judge(figures)
for (const miss of misses) console.error(`missed: ${miss}`)
if (taken === 0) console.error('missed: nobody was taken')
process.exit(misses.length > 0 || taken === 0 ? 1 : 0)
