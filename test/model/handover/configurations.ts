import { type Bounds, type Protocol, RULES, type Rules } from './rules.js'

export interface Configuration {
  name: string
  protocol: Protocol
  /** Small enough for every run of the tests. */
  isQuick: boolean
}

const NOTHING: Bounds = {
  server: 'keyed',
  layout: 'captured',
  writes: 0,
  enqueues: 0,
  entities: 1,
  old: 0,
  crashes: 0,
  steals: 0,
  handovers: 1,
  failures: 0,
  retries: 0,
}

const quick = (name: string, bounds: Partial<Bounds>, rules: Partial<Rules> = {}) => ({
  name,
  protocol: { ...NOTHING, ...RULES, ...bounds, ...rules },
  isQuick: true,
})

/** What has to hold. */
export const GUARDED: readonly Configuration[] = [
  quick('keyed: 2 captured', { writes: 2 }),
  quick('keyed: 1 captured, 1 enqueued', { writes: 1, enqueues: 1 }),
  quick('keyed: 1 captured, crash', { writes: 1, crashes: 1 }),
  quick('keyed: 1 captured, back again', { writes: 1, handovers: 2 }),
]

/** What has to fail: one guard is taken out of each. */
export const UNGUARDED: readonly Configuration[] = [
  quick(
    'a coordinator does not compare and set',
    { enqueues: 1, steals: 1 },
    { comparesAndSets: false },
  ),
  quick('the export comes before the fence', { enqueues: 1 }, { exportsAfterFence: false }),
  quick(
    'the export comes before every replica is raised',
    { writes: 1 },
    { raisesBeforeExport: false },
  ),
  quick(
    'what was captured is not drained before the snapshot',
    { writes: 1 },
    { drainsBeforeExport: false },
  ),
  quick('forwarding is not idempotent', { writes: 1, crashes: 1 }, { appendsOnce: false }),
  quick('the export skips what is in flight', { old: 1 }, { exportsInflight: false }),
]
