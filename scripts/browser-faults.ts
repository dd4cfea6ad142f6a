// npm run browser-faults -- [--browser chromium|firefox|webkit] [--size ci|pr|nightly] [--seed 1] [--runs n] | --one '{…}': breaks handovers in a real browser.
import { parseArgs } from 'node:util'
import { createRandom } from '../test/consistency/random.js'
import { buildPages } from '../test/e2e/faults/builds.js'
import { openLab } from '../test/e2e/faults/profile.js'
import { listFaults, planTrials, runTrial, type Trial } from '../test/e2e/faults/trial.js'
import { firefox } from '../test/e2e/support/firefox.js'
import { lifelike } from '../test/e2e/support/lifelike.js'
import { minibrowser } from '../test/e2e/support/minibrowser.js'
import { signPlans } from '../test/sweep/plans.js'

const BROWSERS = { chromium: lifelike, firefox, webkit: minibrowser }
const SIZES = {
  ci: { chromium: 12, firefox: 6, webkit: 6 },
  pr: { chromium: 60, firefox: 20, webkit: 20 },
  nightly: { chromium: 810, firefox: 200, webkit: 200 },
}

const { values } = parseArgs({
  options: {
    browser: { type: 'string', default: 'chromium' },
    size: { type: 'string', default: 'ci' },
    seed: { type: 'string' },
    runs: { type: 'string' },
    one: { type: 'string' },
  },
})
const browser = values.browser as keyof typeof BROWSERS
const size = SIZES[values.size as keyof typeof SIZES]
const make = BROWSERS[browser]
if (!make || !size) {
  const names = Object.keys(BROWSERS).join(', ')
  console.error(`--browser is one of ${names}; --size of ${Object.keys(SIZES).join(', ')}`)
  process.exit(1)
}
if (make.absence) {
  console.error(`--browser ${browser}: ${make.absence}`)
  process.exit(1)
}

const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const runs = Number(values.runs ?? size[browser])
const trials: Trial[] = values.one
  ? [JSON.parse(values.one)]
  : planTrials(createRandom(seed), runs, listFaults(make))
const lab = await openLab({
  make,
  builds: await buildPages(),
  plans: await signPlans(2),
})
/** How often each fault took effect, of how often it was tried. */
const struck = new Map<string, { took: number; of: number }>()
const sum = { accepted: 0, doubled: 0, committed: 0, aborted: 0, failed: 0 }
const began = performance.now()
try {
  for (const trial of trials) {
    const { wrong, ...verdict } = await runTrial(lab, trial)
    const count = struck.get(trial.fault) ?? { took: 0, of: 0 }
    count.of++
    if (verdict.struck) count.took++
    struck.set(trial.fault, count)
    for (const name of ['accepted', 'doubled', 'committed', 'aborted'] as const) {
      sum[name] += verdict[name]
    }
    process.stderr.write(wrong.length === 0 ? '.' : '\n')
    if (wrong.length === 0) continue
    sum.failed++
    console.error(
      `${wrong.slice(0, 10).join('\n')}\n  npm run browser-faults -- --browser ${browser} --one '${JSON.stringify(trial)}'`,
    )
  }
} finally {
  await lab.close()
}
const faults = [...struck].map(([fault, { took, of }]) => `${took} of ${of} ${fault}`)
const idle = [...struck].filter(([, { took }]) => took === 0).map(([fault]) => fault)
if (idle.length > 0) console.error(`no ${idle.join(', no ')} took effect`)
const seconds = ((performance.now() - began) / 1_000).toFixed(0)
console.log(
  `browser-faults in ${make.name}: seed ${seed}, ${trials.length} faults (${faults.join(', ')}), ${sum.accepted} operations accepted, ${sum.committed} handovers committed and ${sum.aborted} taken back, doubled where none is promised ${sum.doubled}, failures ${sum.failed}; ${seconds} s`,
)
process.exit(sum.failed === 0 && idle.length === 0 ? 0 : 1)
