import { setMaxListeners } from 'node:events'
import { createRandom } from '../consistency/random.js'
import { runCommands } from './commands.js'
import { type Crash, type Direction, runCrash } from './crash.js'
import { FAULTS } from './fault.js'
import { runInterleavings } from './interleavings.js'
import { type Life, runLife } from './life.js'
import type { Sum } from './oracle.js'
import { type Plans, signPlans } from './plans.js'
import type { Flaw } from './server.js'

// One signal ends all that a tab does.
setMaxListeners(0)

export const KINDS = ['crash', 'double', 'life', 'commands', 'interleavings'] as const
export type Kind = (typeof KINDS)[number]

/** How many runs of each kind. */
export const SIZES = {
  ci: { crash: 2_000, double: 300, life: 1_000, commands: 200, interleavings: 300 },
  pr: { crash: 6_480, double: 20_000, life: 10_000, commands: 2_000, interleavings: 5_000 },
  nightly: {
    crash: 64_800,
    double: 200_000,
    life: 300_000,
    commands: 20_000,
    interleavings: 50_000,
  },
} as const satisfies Record<string, Record<Kind, number>>
export type Size = keyof typeof SIZES

const TIERS = ['drain', 'contained', 'keyed', 'versioned', 'fenced'] as const
const DIRECTIONS = ['forth', 'back'] as const

export interface Tally extends Sum {
  kind: Kind
  /** Events of a handover, of both directions: with as many runs, something has happened at each. */
  places: number
}

export interface Order {
  kind: Kind
  runs: number
  seed: number
  /** Only every so many-th run, from `part` on: for several processes. */
  parts?: number
  part?: number
  flaw?: Flaw
  /** What a failure of `commands` and `interleavings` prints. */
  path?: string
  replay?: string
}

/** Runs so many trials of one kind. */
export async function sweep(o: Order): Promise<Tally> {
  const plans = await signPlans()
  if (o.kind === 'commands' || o.kind === 'interleavings') {
    const run = o.kind === 'commands' ? runCommands : runInterleavings
    const mine = { ...o, seed: o.seed + (o.part ?? 0), runs: Math.ceil(o.runs / (o.parts ?? 1)) }
    return { kind: o.kind, places: 0, ...(await run(mine, plans)) }
  }
  const { trials, places } = await plan(o, plans)
  const tally: Tally = {
    kind: o.kind,
    runs: 0,
    places,
    doubled: 0,
    stale: 0,
    virtualMs: 0,
    failures: [],
  }
  for (const [index, trial] of trials.entries()) {
    if (index % (o.parts ?? 1) !== (o.part ?? 0)) continue
    const { doubled, stale, virtualMs, wrong } = await runOne(
      { ...trial, ...(o.flaw && { flaw: o.flaw }) },
      plans,
    )
    tally.runs++
    tally.doubled += doubled
    tally.stale += stale
    tally.virtualMs += virtualMs
    if (wrong.length > 0) {
      tally.failures.push(
        `${wrong.join('; ')}\n  npm run sweep -- --one '${JSON.stringify(trial)}'`,
      )
    }
  }
  return tally
}

/** One trial, by what a failure prints. */
export async function runOne(
  trial: Crash | Life,
  plans?: Plans,
): Promise<{ doubled: number; stale: number; virtualMs: number; wrong: string[] }> {
  const signed = plans ?? (await signPlans())
  return 'point' in trial ? runCrash(trial, signed) : runLife(trial, signed)
}

async function plan(o: Order, plans: Plans): Promise<{ trials: (Crash | Life)[]; places: number }> {
  const random = createRandom(o.seed)
  if (o.kind === 'life') {
    const trials = Array.from({ length: o.runs }, () => ({
      seed: random.below(2 ** 31),
      tier: random.pick(TIERS),
    }))
    return { trials, places: 0 }
  }
  const ends = await measure(plans)
  const places = DIRECTIONS.flatMap((direction) => {
    const most = Math.max(...TIERS.map((tier) => ends.get(`${tier} ${direction}`) ?? 0))
    return Array.from({ length: most }, (_, index) => ({ direction, point: index + 1 }))
  })
  shuffle(places, random)
  const trials = Array.from({ length: o.runs }, (_, index) => {
    const round = Math.floor(index / places.length)
    const { direction, point } = places[index % places.length] as Place
    // Another pair each time round, so that each place meets all of them.
    const pair = (index * 7 + round) % (TIERS.length * FAULTS.length)
    const tier = TIERS[pair % TIERS.length] ?? 'keyed'
    const first: Crash = {
      tier,
      direction,
      point: 1 + ((point - 1) % (ends.get(`${tier} ${direction}`) ?? 1)),
      seed: random.below(2 ** 31),
      fault: FAULTS[Math.floor(pair / TIERS.length)] ?? 'kill',
    }
    if (o.kind === 'crash') return first
    return { ...first, second: { point: 1 + random.below(320), fault: random.pick(FAULTS) } }
  })
  return { trials, places: places.length }
}

interface Place {
  direction: Direction
  point: number
}

/** How many events a handover takes in which nothing happens, in each direction, at each tier. */
async function measure(plans: Plans): Promise<Map<string, number>> {
  const ends = new Map<string, number>()
  for (const tier of TIERS) {
    for (const direction of DIRECTIONS) {
      const { points } = await runCrash({ seed: 1, tier, direction, point: 0, fault: null }, plans)
      ends.set(`${tier} ${direction}`, points)
    }
  }
  return ends
}

function shuffle<T>(items: T[], random: ReturnType<typeof createRandom>): void {
  for (let at = items.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    const [a, b] = [items[at] as T, items[other] as T]
    items[at] = b
    items[other] = a
  }
}
