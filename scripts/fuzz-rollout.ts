import { parseArgs } from 'node:util'
import { fuzzRollout } from './rollout/fuzz.js'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})

const { line, failures } = await fuzzRollout(Number(values.runs), Number(values.seed))
for (const failure of failures.slice(0, 10)) console.error(failure)
console.log(line)
process.exitCode = failures.length > 0 ? 1 : 0
