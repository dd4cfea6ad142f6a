// npm run model [-- --only TEXT]: visits every state of the handover protocol, and shows that each guard is needed.
import { parseArgs } from 'node:util'
import { check, type Verdict } from '../test/model/handover/checker.js'
import { type Configuration, GUARDED, UNGUARDED } from '../test/model/handover/configurations.js'

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } })
const isMeant = ({ name }: Configuration) => name.includes(values.only)
const sum = { runs: 0, wrong: 0, states: 0, transitions: 0, ms: 0 }

function run(one: Configuration, isRight: (verdict: Verdict) => boolean): void {
  const verdict = check(one.protocol)
  const { states, transitions, trace, fault, ms } = verdict
  const right = isRight(verdict)
  sum.runs++
  sum.wrong += right ? 0 : 1
  sum.states += states
  sum.transitions += transitions
  sum.ms += ms
  const result = fault === null ? 'holds' : `fails in ${trace.length} steps: ${fault}`
  const cells = [one.name, states, transitions, result, Math.round(ms)]
  console.log(`${right ? '' : 'WRONG '}| ${cells.join(' | ')} |`)
  if (!right) console.log(trace.join('\n'))
}

console.log('| configuration | states | transitions | result | ms |\n|---|---|---|---|---|')
for (const one of GUARDED.filter(isMeant)) run(one, ({ complete }) => complete)
console.log('\n| guard taken out | states | transitions | result | ms |\n|---|---|---|---|---|')
for (const one of UNGUARDED.filter(isMeant)) run(one, ({ fault }) => fault !== null)
console.log(
  `model: ${sum.runs} runs, ${sum.wrong} wrong, ${sum.states} states, ${sum.transitions} transitions, ${(sum.ms / 1000).toFixed(1)} s`,
)
process.exit(sum.wrong === 0 && sum.runs > 0 ? 0 : 1)
