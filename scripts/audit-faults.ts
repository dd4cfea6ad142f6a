// npm run audit-faults [-- --browser chromium --kills 200 --seed 1]: kills a browser in the middle of audits and writes, and holds what the next one tells against all rows.
// npm run audit-faults -- --part load [--browser chromium --runs 100 --cards 500 --profiles 2 --seed 1]: audits the demo's two engines while both write.
import { parseArgs } from 'node:util'
import type { Round } from '../examples/card-everything/test/load/round.js'
import { createRandom } from '../test/consistency/random.js'
import { chromium } from '../test/e2e/support/chromium.js'
import { firefox } from '../test/e2e/support/firefox.js'
import { minibrowser } from '../test/e2e/support/minibrowser.js'
import type { Make } from '../test/e2e/support/tab.js'
import { runFaults } from '../test/support/audit-faults.js'
import { runLoad } from '../test/support/audit-load.js'

const BROWSERS = { chromium, firefox, webkit: minibrowser }

const { values } = parseArgs({
  options: {
    part: { type: 'string', default: 'kills' },
    browser: { type: 'string', default: 'chromium' },
    kills: { type: 'string' },
    runs: { type: 'string', default: '100' },
    cards: { type: 'string', default: '500' },
    profiles: { type: 'string', default: '2' },
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
const PARTS = { kills: killAndAudit, load: auditUnderLoad }
const part = PARTS[values.part as keyof typeof PARTS]
if (!part) {
  throw new Error(`--part: must be one of ${Object.keys(PARTS).join(', ')}, got ${values.part}`)
}
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
process.exit((await part(make)) ? 0 : 1)

async function killAndAudit(browser: Make): Promise<boolean> {
  const random = createRandom(seed)
  const kills = Number(values.kills ?? (values.browser === 'chromium' ? 200 : 20))
  const result = await runFaults(browser, { kills, draw: () => random.below(1_000) / 1_000 })
  for (const missed of result.missed.slice(0, 20)) console.error(missed)
  console.log(
    `audit-faults in ${browser.name}: seed ${seed}, ${result.kills} kills, ${result.differing} differences told, ${result.missed.length} missed or in vain`,
  )
  return result.missed.length === 0 && result.differing > 0
}

async function auditUnderLoad(browser: Make): Promise<boolean> {
  const amounts = {
    runs: Number(values.runs),
    cards: Number(values.cards),
    profiles: Number(values.profiles),
  }
  const { rounds, wrong } = await runLoad(browser, { ...amounts, seed })
  for (const one of wrong.slice(0, 20)) console.error(one)
  const sum = (pick: (round: Round) => number) =>
    rounds.reduce((total, round) => total + pick(round), 0)
  const perSecond = (count: number) => ((count * 1_000) / sum(({ ms }) => ms)).toFixed(1)
  console.log(
    `audit-faults under load in ${browser.name}: seed ${seed}, ${rounds.length} audits, ${sum(({ compared }) => compared)} rows compared, ${sum(({ unjudged }) => unjudged)} not judged, a second ${perSecond(sum(({ written }) => written))} written and ${perSecond(sum(({ applied }) => applied))} applied to the shadow, ${wrong.length} wrong`,
  )
  return wrong.length === 0 && rounds.length > 0
}
