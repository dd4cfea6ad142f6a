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

const quick = (
  name: string,
  bounds: Partial<Bounds>,
  rules: Partial<Rules> = {},
): Configuration => ({
  name,
  protocol: { ...NOTHING, ...RULES, ...bounds, ...rules },
  isQuick: true,
})

const long = (...given: Parameters<typeof quick>): Configuration => ({
  ...quick(...given),
  isQuick: false,
})

/** A host that captures nothing, before a server that puts whole rows and refuses old terms. */
const POOR = { layout: 'plain', server: 'fenced' } as const

/** What has to hold. */
export const GUARDED: readonly Configuration[] = [
  quick('keyed: 2 captured', { writes: 2 }),
  quick('keyed: 1 captured, 1 enqueued', { writes: 1, enqueues: 1 }),
  quick('keyed: 1 captured, a crash, there and back', { writes: 1, crashes: 1, handovers: 2 }),
  quick('keyed: 1 captured, a failed step, there and back', {
    writes: 1,
    failures: 1,
    handovers: 2,
  }),
  quick('keyed, nothing captured: 2 enqueued, a crash', {
    layout: 'plain',
    enqueues: 2,
    crashes: 1,
  }),
  quick('keyed, nothing captured: 2 enqueued, a request twice, there and back', {
    layout: 'plain',
    enqueues: 2,
    retries: 1,
    handovers: 2,
  }),
  quick('upsert and fence: 1 old, 1 enqueued, a crash', {
    server: 'fenced',
    old: 1,
    enqueues: 1,
    crashes: 1,
  }),
  quick('upsert and fence, nothing captured: 2 enqueued, there and back', {
    ...POOR,
    enqueues: 2,
    handovers: 2,
  }),
  long('keyed: 2 captured, 1 enqueued', { writes: 2, enqueues: 1 }),
  long('keyed, 2 entities: 1 old, 2 captured', { entities: 2, old: 1, writes: 2 }),
  long('keyed, one database for both engines: 2 captured, a crash', {
    layout: 'shared',
    writes: 2,
    crashes: 1,
  }),
  long('keyed, nothing captured: 3 enqueued, a crash', {
    layout: 'plain',
    enqueues: 3,
    crashes: 1,
  }),
  long('upsert and fence: 2 captured, there and back', {
    server: 'fenced',
    writes: 2,
    handovers: 2,
  }),
  long('upsert and fence, one database: 2 captured, there and back', {
    server: 'fenced',
    layout: 'shared',
    writes: 2,
    handovers: 2,
  }),
  long('upsert and fence, one database, 2 entities: 1 captured, 1 enqueued, a crash', {
    server: 'fenced',
    layout: 'shared',
    entities: 2,
    writes: 1,
    enqueues: 1,
    crashes: 1,
  }),
  long('upsert and fence, nothing captured, 2 entities: 1 old, 2 enqueued, there and back', {
    ...POOR,
    entities: 2,
    old: 1,
    enqueues: 2,
    handovers: 2,
  }),
  long('upsert and fence, nothing captured: 2, a crash, a failed step, there and back', {
    ...POOR,
    old: 1,
    enqueues: 1,
    failures: 1,
    crashes: 1,
    handovers: 2,
  }),
  long('upsert and fence: 2 old, the lock stolen', { server: 'fenced', old: 2, steals: 1 }),
]

/** What has to fail: one guard is taken out of each. */
export const UNGUARDED: readonly Configuration[] = [
  quick('the fence is read outside of the write', { writes: 2 }, { checksInside: false }),
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
  quick('the target is granted before the commit', { writes: 1 }, { grantsAfterCommit: false }),
  quick(
    'the target is granted before the source is closed and drained',
    { writes: 2 },
    { drainsBeforeGrant: false },
  ),
  quick('both databases take writes while nobody owns', { writes: 2 }, { limbo: 'both' }),
  quick('forwarding is not idempotent', { writes: 1, crashes: 1 }, { appendsOnce: false }),
  quick(
    'enqueueing does not forward first',
    { writes: 1, enqueues: 1, handovers: 0 },
    { forwardsFirst: false },
  ),
  quick(
    'what a tab accepted overtakes what others accepted before',
    { layout: 'plain', enqueues: 2, handovers: 0 },
    { pumps: 'arrivedFirst' },
  ),
  quick('the export skips what is in flight', { old: 1 }, { exportsInflight: false }),
  quick(
    'a stale coordinator adopts what it read from a queue',
    { layout: 'plain', old: 1, steals: 1 },
    { adoptsUnderClaim: false },
  ),
  long(
    'a stale coordinator stages its own snapshot over that of another',
    { ...POOR, old: 2, steals: 1, handovers: 2 },
    { stagesByHandover: false },
  ),
  quick(
    'the import is not idempotent, and nothing is staged anew',
    { ...POOR, old: 1, enqueues: 1, failures: 1, crashes: 1 },
    { activatesOnce: false, restages: false },
  ),
  quick(
    'an engine does not know acknowledged operations again, and nothing is staged anew',
    { ...POOR, old: 1, enqueues: 1, failures: 1, crashes: 1 },
    { remembers: false, restages: false },
  ),
  quick(
    'the source is not sealed',
    { ...POOR, old: 1, enqueues: 1, handovers: 2 },
    { seals: false },
  ),
  long(
    'an acknowledgement of an older term is dropped',
    { ...POOR, old: 2, steals: 1 },
    { lateAcks: 'drop' },
  ),
  quick(
    'a term is not bound to one writer',
    { ...POOR, old: 2, steals: 1, handovers: 0 },
    { termPerWriter: false },
  ),
  quick(
    'a tab whose handover failed goes on under the term that stands',
    { ...POOR, old: 2, steals: 1 },
    { afterFailure: 'reads' },
  ),
  quick(
    'an engine does not wait for its own answer',
    { ...POOR, old: 2, steals: 1, handovers: 0 },
    { sendsInTurn: false },
  ),
  quick(
    'a queue forgets before the op-log knows',
    { ...POOR, enqueues: 2 },
    { acksLogFirst: false },
  ),
  quick('upsert and fence: a request goes out twice', { ...POOR, old: 2, retries: 1 }),
  quick('the server is a plain upsert', {
    ...POOR,
    server: 'upsert',
    old: 2,
    crashes: 1,
    handovers: 0,
  }),
  quick('the server is a plain insert', {
    ...POOR,
    server: 'insert',
    old: 1,
    crashes: 1,
    handovers: 0,
  }),
]
