import { parseArgs } from 'node:util'
import { chromium } from '../test/e2e/support/chromium.js'
import { firefox } from '../test/e2e/support/firefox.js'
import { minibrowser } from '../test/e2e/support/minibrowser.js'
import { buildPage } from '../test/support/outage.js'
import { proveBacklog, proveKills, proveLastBreath } from './outage/extremes.js'
import { proveMatrix, showPeers } from './outage/matrix.js'
import { createReport } from './outage/report.js'

const BROWSERS = { chromium, firefox, webkit: minibrowser }
const PARTS = {
  matrix: proveMatrix,
  kills: proveKills,
  breath: proveLastBreath,
  backlog: proveBacklog,
}

const { values } = parseArgs({
  options: {
    browser: { type: 'string', default: 'chromium' },
    part: { type: 'string' },
    only: { type: 'string' },
    peers: { type: 'boolean', default: false },
    events: { type: 'string', default: '60' },
    outage: { type: 'string', default: '14' },
    wait: { type: 'string', default: '30' },
    trials: { type: 'string', default: '3' },
    backlog: { type: 'string', default: '100000' },
  },
})
const make = BROWSERS[values.browser as keyof typeof BROWSERS]
if (!make) {
  const names = Object.keys(BROWSERS).join(', ')
  throw new Error(`--browser: must be one of ${names}, got ${values.browser}`)
}
if (make.absence) throw new Error(`--browser ${values.browser}: ${make.absence}`)

const report = createReport(make.name)
const how = {
  make,
  html: await buildPage(),
  report,
  only: values.only,
  events: Number(values.events),
  outageMs: Number(values.outage) * 1_000,
  waitMs: Number(values.wait) * 1_000,
  trials: Number(values.trials),
  backlog: Number(values.backlog),
}
for (const [name, prove] of Object.entries(PARTS)) {
  if (values.part === undefined || values.part.split(',').includes(name)) await prove(how)
}
if (values.peers) await showPeers(how)
process.exit(report.end())
