// npm run audit-faults [-- --browser chromium --kills 200 --seed 1]: kills a browser in the middle of audits and writes, and holds what the next one tells against all rows.
import { parseArgs } from 'node:util'
import { createRandom } from '../test/consistency/random.js'
import { chromium } from '../test/e2e/support/chromium.js'
import { firefox } from '../test/e2e/support/firefox.js'
import { minibrowser } from '../test/e2e/support/minibrowser.js'
import { runFaults } from '../test/support/audit-faults.js'

const BROWSERS = { chromium, firefox, webkit: minibrowser }

const { values } = parseArgs({
  options: {
    browser: { type: 'string', default: 'chromium' },
    kills: { type: 'string' },
    seed: { type: 'string' },
  },
})
const make = BROWSERS[values.browser as keyof typeof BROWSERS]
if (!make) {
  throw new Error(
    `--browser: must be one of ${Object.keys(BROWSERS).join(', ')}, got ${values.browser}`,
  )
}
if (make.absence) throw new Error(`--browser ${values.browser}: ${make.absence}`)

const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const random = createRandom(seed)
const kills = Number(values.kills ?? (values.browser === 'chromium' ? 200 : 20))
const result = await runFaults(make, { kills, draw: () => random.below(1_000) / 1_000 })
for (const missed of result.missed.slice(0, 20)) console.error(missed)
console.log(
  `audit-faults in ${make.name}: seed ${seed}, ${result.kills} kills, ${result.differing} differences told, ${result.missed.length} missed or in vain`,
)
process.exit(result.missed.length === 0 && result.differing > 0 ? 0 : 1)
