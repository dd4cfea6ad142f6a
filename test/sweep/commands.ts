import fc from 'fast-check'
import type { EngineName } from '../../src/model/operation.js'
import type { Tier } from './engine.js'
import { FAULTS, strike } from './fault.js'
import { heal } from './heal.js'
import { countDoubled, listStale, type Sum } from './oracle.js'
import type { Plans } from './plans.js'
import type { Flaw } from './server.js'
import { type Client, createTrial, type Trial } from './trial.js'

/** So many commands make one life at most. */
const MOST = 40
const MOST_TABS = 4
const TURNS = 20
const DAY_MS = 86_400_000
/** How long the world goes on after a command: inside of a transaction, of a handover, of a wait. */
const PAUSES_MS = [0, 0.2, 2, 20, 300, 8_000]
const MISHAPS = ['duplicate', 'late answer', 'lost answer', 'late request', 'lost request'] as const

interface World {
  trial: Trial
  clients: Client[]
  goal: EngineName
  turn: number
  alive(): Client[]
}

/** `which` says which tab, and which of several things to do there. */
interface Act {
  isPossible?(world: World): boolean
  run(world: World, which: number): void | Promise<unknown>
}

const needsTab = (run: (client: Client, which: number, world: World) => void): Act => ({
  isPossible: (world) => world.alive().length > 0,
  run(world, which) {
    const alive = world.alive()
    const client = alive[which % alive.length]
    if (client) run(client, Math.floor(which / alive.length), world)
  },
})
const of = <T>(list: readonly [T, ...T[]], which: number): T => list[which % list.length] ?? list[0]
const roll = (goal: EngineName): Act => ({
  isPossible: ({ turn }) => turn < TURNS,
  run(world) {
    world.turn++
    world.goal = goal
  },
})

function openTab(world: World): void {
  const client = world.trial.open(world.goal, world.turn)
  world.clients.push(client)
  void client.gray.start()
}

const ACTS = {
  'open a tab': {
    isPossible: (world) => world.alive().length < MOST_TABS,
    run: openTab,
  },
  'close a tab': needsTab(({ gray }) => void gray.close()),
  'load all tabs anew': {
    run(world) {
      for (const { tab } of world.alive()) tab.kill()
      openTab(world)
    },
  },
  'kill a tab': needsTab(({ tab }) => tab.kill()),
  enqueue: needsTab((client, which, { trial }) =>
    trial.enqueue(client, of(['a', 'b', 'c'] as const, which)),
  ),
  'freeze a tab': needsTab(({ tab }) => tab.freeze()),
  'thaw all tabs': {
    isPossible: ({ clients }) => clients.some(({ tab }) => tab.state === 'frozen'),
    // Nobody comes back from a freeze in no time.
    run: ({ trial, clients }) =>
      void trial.schedule.after(1_000, () => {
        for (const { tab } of clients) tab.resume()
      }),
  },
  'hide a tab': needsTab(({ tab }, which) => tab.live(of(['hidden', 'pagehide'] as const, which))),
  'show a tab': needsTab(({ tab }, which) => tab.live(of(['visible', 'pageshow'] as const, which))),
  'sign out': needsTab(({ gray }) => void gray.identify(null)),
  'sign in': needsTab(({ gray }) => void gray.identify({ id: 'ann' })),
  'roll forth': roll('refactored'),
  'kill the rollout': roll('legacy'),
  'go offline': {
    isPossible: ({ trial }) => trial.network.online,
    run({ trial }) {
      trial.network.online = false
    },
  },
  'go online': {
    isPossible: ({ trial }) => !trial.network.online,
    run({ trial }) {
      trial.network.online = true
    },
  },
  'set the clock': {
    run({ trial }, which) {
      trial.profile.clockOffset = of([30, -30, 1, -1, 0], which) * DAY_MS
    },
  },
  'clear the site': {
    // A row that is sent whole has the version of what it held here; and the oracle knows it by what was asked before.
    isPossible: ({ trial }) => trial.tier !== 'versioned' && trial.asked.length > 0,
    run: ({ trial }) => trial.wipe(),
  },
  'wait for the server': {
    run: ({ trial }) => trial.schedule.run(() => trial.openRows().length === 0, 20_000),
  },
  'meet bad weather': needsTab(({ tab }, which, { trial }) => {
    trial.network.mishap.set(tab, of(MISHAPS, which))
  }),
  'meet a fault': needsTab(({ tab }, which, { trial }) => {
    // The same fault at other events: now, in a while, in the middle of a handover.
    const at = tab.heard + of([1, 30, 200], Math.floor(which / FAULTS.length))
    tab.onEvent = (number) => {
      if (number === at) strike(trial, tab, of(FAULTS, which))
    }
  }),
} satisfies Record<string, Act>
type Name = keyof typeof ACTS

function toCommand(name: Name, which: number, pauseMs: number): fc.AsyncCommand<World, World> {
  const act: Act = ACTS[name]
  return {
    check: (world) => act.isPossible?.(world) ?? true,
    async run(world) {
      await act.run(world, which)
      await world.trial.schedule.run(() => false, pauseMs)
    },
    toString: () => `${name} (${which}), ${pauseMs} ms`,
  }
}

/** Most of a life is work, and an engine changes only where all tabs are gone. */
const NAMES: readonly Name[] = [
  ...(Object.keys(ACTS) as Name[]),
  ...Array.from({ length: 4 }, () => 'enqueue' as const),
  ...Array.from({ length: 3 }, () => 'load all tabs anew' as const),
  'roll forth',
]
const COMMANDS = NAMES.map((name) =>
  fc
    .tuple(fc.nat(60), fc.constantFrom(...PAUSES_MS))
    .map(([which, pauseMs]) => toCommand(name, which, pauseMs)),
)
const TIERS: readonly Tier[] = ['drain', 'contained', 'keyed', 'versioned', 'fenced']

export interface CommandsOrder {
  seed: number
  runs: number
  /** What a failure prints: they run the life that is left of it. */
  path?: string
  replay?: string
  flaw?: Flaw
}

/** Lives that are made of commands; one that goes wrong is cut down to what it takes. */
export async function runCommands(o: CommandsOrder, plans: Plans): Promise<Sum> {
  const tally = { runs: 0, doubled: 0, stale: 0, virtualMs: 0, failures: [] as string[] }
  const commands = fc.commands(COMMANDS, {
    maxCommands: MOST,
    size: 'max',
    ...(o.replay && { replayPath: o.replay }),
  })
  const worlds = fc.record({
    seed: fc.noShrink(fc.nat()),
    tier: fc.noShrink(fc.constantFrom(...TIERS)),
  })
  const life = fc.asyncProperty(worlds, commands, async ({ seed, tier }, todo) => {
    const trial = createTrial({ seed, tier, plans, ...(o.flaw && { flaw: o.flaw }) })
    const clients: Client[] = []
    const world: World = {
      trial,
      clients,
      goal: 'legacy',
      turn: 0,
      alive: () => clients.filter(({ tab }) => tab.state === 'alive'),
    }
    try {
      openTab(world)
      await fc.asyncModelRun(() => ({ model: world, real: world }), todo)
      const wrong = await heal(trial, clients, world.turn + 1, world.goal)
      tally.doubled += countDoubled(trial)
      tally.stale += trial.wasWiped ? 0 : listStale(trial).length
      tally.virtualMs += trial.schedule.now()
      if (wrong.length > 0) throw new Error(wrong.join('; '))
    } finally {
      trial.end()
    }
  })
  const found = await fc.check(life, {
    seed: o.seed,
    numRuns: o.runs,
    ...(o.path && { path: o.path }),
  })
  tally.runs = found.numRuns
  if (found.failed) tally.failures.push(describe(found))
  return tally
}

function describe(found: {
  seed: number
  counterexample: readonly unknown[] | null
  counterexamplePath: string | null
  numShrinks: number
  errorInstance: unknown
}): string {
  const [world, todo] = found.counterexample ?? []
  const text = String(todo)
  const replay = /replayPath="([^"]*)"/.exec(text)?.[1] ?? ''
  const steps = text.replace(/\/\*.*\*\//, '').split(/,(?=[a-z])/)
  return [
    String(found.errorInstance),
    `  ${JSON.stringify(world)}, after ${found.numShrinks} cuts:`,
    ...steps.map((step) => `  ${step}`),
    `  npm run sweep -- --kind commands --seed ${found.seed} --path ${found.counterexamplePath} --replay ${replay}`,
  ].join('\n')
}
