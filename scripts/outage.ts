import { parseArgs } from 'node:util'
import { chromium } from '../test/e2e/support/chromium.js'
import { firefox } from '../test/e2e/support/firefox.js'
import { minibrowser } from '../test/e2e/support/minibrowser.js'
import { buildPage, OUTAGES, openLab, runOutage } from '../test/support/outage.js'

const BROWSERS = { chromium, firefox, webkit: minibrowser }

const { values } = parseArgs({
  options: {
    browser: { type: 'string', default: 'chromium' },
    events: { type: 'string', default: '60' },
    outage: { type: 'string', default: '14' },
    wait: { type: 'string', default: '30' },
    only: { type: 'string' },
  },
})
const make = BROWSERS[values.browser as keyof typeof BROWSERS]
if (!make) {
  throw new Error(
    `--browser: must be one of ${Object.keys(BROWSERS).join(', ')}, got ${values.browser}`,
  )
}
if (make.absence) throw new Error(`--browser ${values.browser}: ${make.absence}`)

const how = {
  html: await buildPage(),
  events: Number(values.events),
  outageMs: Number(values.outage) * 1_000,
  waitMs: Number(values.wait) * 1_000,
}
console.log(`outage in ${make.name}`)
console.log('                    alone  nudged  doubled  repeated  recovered after')
const lab = await openLab(make)
let arrived = 0
let emitted = 0
let doubled = 0
for (const outage of OUTAGES.filter((each) => !values.only || each.name === values.only)) {
  const result = await runOutage(lab, outage, how)
  const after = result.recoveryMs === null ? '-' : `${(result.recoveryMs / 1_000).toFixed(1)} s`
  console.log(
    outage.name.padEnd(19),
    `${result.alone}/${result.emitted}`.padEnd(6),
    `${result.nudged}/${result.emitted}`.padEnd(7),
    String(result.doubled).padEnd(8),
    String(result.repeated).padEnd(9),
    after,
  )
  arrived += result.alone
  emitted += result.emitted
  doubled += result.doubled
}
await lab.close()
console.log(`${make.name}: ${arrived} of ${emitted} arrived, ${doubled} doubled`)
process.exit(arrived === emitted && doubled === 0 ? 0 : 1)
