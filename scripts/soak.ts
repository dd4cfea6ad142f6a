// npm run soak -- [--minutes 30] [--seed 1]: four tabs in Chromium that write while engines change and tabs die, freeze and lose the network.
import { parseArgs } from 'node:util'
import { createRandom } from '../test/consistency/random.js'
import { openLab } from '../test/e2e/faults/profile.js'
import { soak } from '../test/e2e/faults/soak.js'
import { lifelike } from '../test/e2e/support/lifelike.js'
import { buildPage } from '../test/support/outage.js'
import { signPlans } from '../test/sweep/plans.js'

/** So that half an hour has 50,000. */
const LEAST_PER_MINUTE = 50_000 / 30

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string' } },
})
if (lifelike.absence) {
  console.error(`soak: ${lifelike.absence}`)
  process.exit(1)
}
const minutes = Number(values.minutes)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const lab = await openLab({
  make: lifelike,
  builds: { present: await buildPage('../e2e/faults/page.ts') },
  plans: await signPlans(1_000),
})
try {
  const random = createRandom(seed)
  const { wrong, faults, ...sum } = await soak(lab, { minutes, random })
  const least = Math.floor(minutes * LEAST_PER_MINUTE)
  if (sum.accepted < least) wrong.push(`${sum.accepted} operations were accepted, not ${least}`)
  for (const line of wrong.slice(0, 20)) console.error(line)
  const struck = Object.entries(faults).map(([fault, count]) => `${count} ${fault}`)
  console.log(
    `soak: seed ${seed}, ${minutes} minutes, ${sum.accepted} operations accepted, ${sum.flips} flips, ${sum.committed} handovers committed and ${sum.aborted} taken back, ${struck.join(', ')}; failures ${wrong.length}`,
  )
  process.exitCode = wrong.length === 0 ? 0 : 1
} finally {
  await lab.close()
}
