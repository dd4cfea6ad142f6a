import { parseArgs } from 'node:util'
import { OUTAGES, runOutage } from '../test/support/outage.js'

const { values } = parseArgs({
  options: {
    browser: { type: 'string', default: 'chromium' },
    events: { type: 'string', default: '60' },
    outage: { type: 'string', default: '14' },
    wait: { type: 'string', default: '30' },
    only: { type: 'string' },
  },
})
if (values.browser !== 'chromium') {
  throw new Error(`--browser: only chromium can be driven here, got ${values.browser}`)
}

const how = {
  events: Number(values.events),
  outageMs: Number(values.outage) * 1_000,
  waitMs: Number(values.wait) * 1_000,
}
console.log('outage              alone  nudged  doubled  recovered after')
let isClean = true
for (const outage of OUTAGES.filter((each) => !values.only || each.name === values.only)) {
  const { emitted, alone, nudged, doubles, recoveryMs } = await runOutage(outage, how)
  const cells = [outage.name.padEnd(19), `${alone}/${emitted}`, `${nudged}/${emitted}`, doubles]
  console.log(...cells, recoveryMs === null ? '-' : `${(recoveryMs / 1_000).toFixed(1)} s`)
  isClean &&= alone === emitted
}
process.exitCode = isClean ? 0 : 1
