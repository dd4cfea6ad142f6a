import { bucketOf, isInShare } from '../decision/bucket.js'
import { readControl } from '../engine/control.js'
import type { Host } from '../engine/handing.js'
import { type Shadowable, type ShadowRun, startShadow } from '../flows/shadow.js'
import type { Reason } from '../model/decision.js'
import type { Engine } from '../model/engine.js'
import type { EngineName, Identified, Operation } from '../model/operation.js'
import type { Rollout } from '../model/rollout.js'
import { readFact } from '../store/control.js'
import { compareLive, SHADOW_SETTLE_MS, tellDivergences } from './compare.js'
import type { Core } from './core.js'
import { createShow, type Show } from './show.js'
import type { Utterance } from './utterance.js'

/** The start of the page and the first work of the user come first. */
const BEGIN_AFTER_MS = 5_000
const COMPARE_EVERY_MS = 300_000
/** A rollout may ask for more or less, but neither all the time nor never. */
const MOST_OFTEN_MS = 60_000
const LEAST_OFTEN_MS = 86_400_000

/** Whoever may not run refactored, or does not want it, does not run it in shadow either. */
const EXCLUDED: ReadonlySet<Reason> = new Set<Reason>([
  'NO_ROLLOUT',
  'KILLED',
  'ROLLED_BACK',
  'UNSUPPORTED',
  'DENIED',
  'OPTED_OUT',
])

/** Runs the other engine in shadow while the rollout wants it and this tab runs the owner's. */
export interface Shadowing<Op extends Operation> {
  /** Begins or ends, as things stand now. */
  look(): void
  /** The owner's engine took this operation. */
  handed(op: Identified<Op>): void
  /** Operations that the shadow's store does not have yet. */
  behind(): readonly Operation[]
}

export interface ShadowingOptions<Op extends Operation> {
  /** The engine that runs in this tab. */
  host(): Host<Op> | null
  say(utterance: Utterance): void
}

interface Present<Op extends Operation> {
  /** One run of the owner's engine has one shadow. */
  host: Host<Op>
  show: Show
  run: ShadowRun<Op> | null
  cancel(): void
}

export function createShadowing<Op extends Operation>(
  core: Core<Op>,
  o: ShadowingOptions<Op>,
): Shadowing<Op> {
  const { platform, state, signal } = core
  let present: Present<Op> | null = null
  let isAway = false
  /** Whose trial was looked up, and whether it goes on. */
  let trial: { host: Host<Op>; goesOn: boolean } | null = null

  function look(): void {
    const host = o.host()
    if (host && trial?.host !== host) void lookUp(host)
    const isOnTrial = trial?.host === host && trial?.goesOn === true
    const wanted = host && !isAway && isWanted(core, host, isOnTrial) ? host : null
    if ((present?.host ?? null) === wanted) return
    end()
    if (!wanted) return
    const begun: Present<Op> = {
      host: wanted,
      show: createShow(core, o.say),
      run: null,
      cancel: platform.setTimer(() => {
        begun.run = begin(core, begun)
      }, BEGIN_AFTER_MS),
    }
    present = begun
  }

  async function lookUp(host: Host<Op>): Promise<void> {
    const found = { host, goesOn: false }
    trial = found
    found.goesOn = await isOnProbation(core, host).catch(() => false)
    if (found.goesOn) look()
  }

  function end(): void {
    if (!present) return
    const { run, show, cancel } = present
    present = null
    cancel()
    void run?.end()
    show.end()
  }

  state.subscribe(look)
  platform.onLife((life) => {
    if (life === 'pagehide' || life === 'freeze') isAway = true
    if (life === 'pageshow' || life === 'resume') isAway = false
    look()
  }, signal)
  signal.addEventListener('abort', end, { once: true })
  return {
    look,
    handed: (op) => present?.run?.handed(op),
    behind: () => present?.run?.behind() ?? [],
  }
}

function begin<Op extends Operation>(
  core: Core<Op>,
  { host, show }: Present<Op>,
): ShadowRun<Op> | null {
  const { control, database } = core.stores
  const { name, engine } = findOther(core, host)
  const { data } = host.engine
  if (!control || !database || !data || !isShadowable(engine)) return null
  const rollout = core.rollout()
  return startShadow({
    platform: core.platform,
    control,
    database,
    owner: host,
    ownerData: data,
    name,
    engine,
    device: core.profile.installation,
    rolloutVersion: rollout?.version ?? 0,
    everyMs: within(rollout?.audit?.intervalMs ?? COMPARE_EVERY_MS),
    compare: (left, right, o) =>
      compareLive(core, { ...o, left, right, running: host.name, settleMs: SHADOW_SETTLE_MS }),
    onChange: show.changed,
    onReport(report) {
      if (show.compared(report)) tellDivergences(core, report)
    },
    signal: core.signal,
  })
}

function within(ms: number): number {
  return Math.min(Math.max(ms, MOST_OFTEN_MS), LEAST_OFTEN_MS)
}

function findOther<Op extends Operation>(
  core: Core<Op>,
  host: Host<Op>,
): { name: EngineName; engine: Engine<Op> | undefined } {
  const name = host.name === 'legacy' ? 'refactored' : 'legacy'
  return { name, engine: core.options.engines?.[name] }
}

function isShadowable<Op extends Operation>(
  engine: Engine<Op> | undefined,
): engine is Shadowable<Op> {
  return engine?.store !== undefined && engine.data !== undefined
}

/** Whether the rollout wants a shadow of this profile, and nothing else is under way here. */
function isWanted<Op extends Operation>(
  core: Core<Op>,
  host: Host<Op>,
  isOnTrial: boolean,
): boolean {
  const snapshot = core.state.get()
  const rollout = core.rollout()
  if (snapshot.phase !== 'running' || snapshot.blocked || !core.platform.lock || !rollout) {
    return false
  }
  if (snapshot.role !== 'writer' || snapshot.running !== host.name) return false
  if (EXCLUDED.has(core.decide(host.name).reason)) return false
  const share = rollout.shadow?.share
  // A share of 0 says none, whatever a stage says.
  if (share !== 0 && isOnTrial && hasProbation(rollout)) return true
  return isInShare(bucketOf(`${rollout.hash.salt}/shadow`, core.profile.bucketingKey), share ?? 0)
}

/** A rollout that says how long a move is on trial wants to know what the engine before would hold. */
function hasProbation({ stages, stage }: Rollout): boolean {
  return stages.some(({ name, probation }) => name === stage && probation !== undefined)
}

/** Moved to refactored, and not retired from the way back since. */
async function isOnProbation<Op extends Operation>(
  core: Core<Op>,
  host: Host<Op>,
): Promise<boolean> {
  const { control } = core.stores
  if (!control || host.name !== 'refactored') return false
  const { flip } = await readControl(control)
  const trial = await readFact<{ flip: number; isOver: boolean }>(control, 'probation')
  return trial?.flip !== flip || !trial.isOver
}
