import type { EngineName } from '../../src/model/operation.js'
import type { Tier } from './engine.js'
import { FAULTS, strike } from './fault.js'
import { heal } from './heal.js'
import { countDoubled, listStale } from './oracle.js'
import type { Plans } from './plans.js'
import type { Flaw } from './server.js'
import { type Client, createTrial } from './trial.js'

/** One random life of a profile, from a seed. */
export interface Life {
  seed: number
  tier: Tier
  flaw?: Flaw
}

const DAY_MS = 86_400_000
const TURNS = 20

/** One to four tabs, up to sixty operations, flips, faults, logouts, clock jumps, bad networks; then the verdict. */
export async function runLife(
  o: Life,
  plans: Plans,
): Promise<{ doubled: number; stale: number; virtualMs: number; wrong: string[] }> {
  const trial = createTrial({ ...o, plans })
  const { schedule, network } = trial
  const { random } = schedule
  const most = 1 + random.below(4)
  const operations = 5 + random.below(56)
  const badness = random() * 0.2
  network.weather = () =>
    random() < badness
      ? random.pick(['duplicate', 'late answer', 'lost answer', 'late request', 'lost request'])
      : null
  const clients: Client[] = []
  let turn = 0
  let goal: EngineName = 'legacy'

  const alive = () => clients.filter(({ tab }) => tab.state === 'alive')
  const open = () => {
    const client = trial.open(goal, turn)
    const harm = random.below(3) === 0 ? random.below(900) : -1
    client.tab.onEvent = (number) => {
      if (number === harm) strike(trial, client.tab, random.pick(FAULTS))
    }
    clients.push(client)
    void client.gray.start()
  }
  const some = () => (alive().length > 0 ? random.pick(alive()) : undefined)
  const acts: Record<string, () => void> = {
    open: () => {
      if (alive().length < most) open()
    },
    flip() {
      if (turn >= TURNS) return
      turn++
      goal = random.pick(['legacy', 'refactored'] as const)
    },
    close: () => void some()?.gray.close(),
    kill: () => some()?.tab.kill(),
    freeze: () => some()?.tab.freeze(),
    resume: () => {
      // Nobody comes back from a freeze in no time.
      schedule.after(1_000, () => {
        for (const { tab } of clients) tab.resume()
      })
    },
    logout: () => void some()?.gray.identify(random.pick([null, { id: 'ann' }])),
    jump() {
      trial.profile.clockOffset = (random.below(61) - 30) * DAY_MS
    },
    offline() {
      network.online = false
    },
    online() {
      network.online = true
    },
    hide: () => some()?.tab.live(random.pick(['hidden', 'visible', 'pagehide', 'pageshow'])),
    wipe() {
      // A row that is sent whole has the version of what it held here.
      if (o.tier !== 'versioned' && random.below(20) === 0) trial.wipe()
    },
  }
  const names = Object.keys(acts)

  try {
    open()
    while (trial.asked.length < operations) {
      const client = some()
      if (!client || random.below(3) === 0) acts[client ? random.pick(names) : 'open']?.()
      else trial.enqueue(client, random.pick(['a', 'b', 'c']))
      const pause = random.pick([0.2, 2, 20, 300, 8_000])
      await schedule.run(() => false, random() * pause)
    }
    const wrong = await heal(trial, clients, turn + 1, goal)
    return {
      doubled: countDoubled(trial),
      stale: trial.wasWiped ? 0 : listStale(trial).length,
      virtualMs: schedule.now(),
      wrong,
    }
  } finally {
    trial.end()
  }
}
