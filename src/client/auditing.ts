import { bucketOf, isInShare } from '../decision/bucket.js'
import { readControl } from '../engine/control.js'
import type { Operation } from '../model/operation.js'
import type { Source } from '../model/source.js'
import { readFact, writeFact } from '../store/control.js'
import { inspect } from './inspect.js'
import type { Opened } from './open.js'

const LOOK_EVERY_MS = 60_000
const AUDIT_EVERY_MS = 3_600_000
const EVERYBODY = 100_000
/** Nobody waits for what runs by itself, and the page has other things to do. */
const ROWS_PER_SECOND = 5_000

/** The last audit that was whole. */
interface Audited {
  at: number
  /** Ownership generation: another one is a switch that nobody verified yet. */
  flip: number
  stage: string | null
}

/** Audits that failed one after the other: the next one waits longer each time, for this user. */
interface Setback {
  userId: string
  failures: number
  /** On the monotonic clock. */
  until: number
}

/**
 * Holds the owner's rows against the server's in the tab that runs the engine, while it is seen, online, and somebody
 * is signed in: after each switch, at each change of stage, and at the interval of the rollout.
 */
export function keepAuditing<Op extends Operation>(opened: Opened<Op>, server: Source): void {
  const { core } = opened
  const { platform, signal } = core
  let present: AbortController | null = null
  let setback: Setback | null = null
  let cancel = () => {}

  const look = async () => {
    const userId = core.userId()
    if (present || signal.aborted || userId === null || !isLeading(opened)) return
    if (!platform.visible() || !platform.online()) return
    if (setback?.userId !== userId) setback = null
    if (setback && platform.monotonic() < setback.until) return
    present = new AbortController()
    const isDone = await auditWhereDue(opened, server, present.signal).catch((cause) => {
      core.report(cause)
      return false
    })
    if (isDone) setback = null
    else if (!present.signal.aborted) setback = holdOff(userId, setback, platform.monotonic())
    present = null
  }
  const tick = () => {
    void look()
    cancel = platform.setTimer(tick, LOOK_EVERY_MS)
  }
  platform.onLife((life) => {
    if (life === 'hidden' || life === 'pagehide') present?.abort()
  }, signal)
  signal.addEventListener('abort', () => cancel(), { once: true })
  cancel = platform.setTimer(tick, LOOK_EVERY_MS)
}

function holdOff(userId: string, before: Setback | null, now: number): Setback {
  const failures = (before?.failures ?? 0) + 1
  const ms = Math.min(LOOK_EVERY_MS * 2 ** failures, AUDIT_EVERY_MS)
  return { userId, failures, until: now + ms }
}

function isLeading<Op extends Operation>({ core }: Opened<Op>): boolean {
  const snapshot = core.state.get()
  return snapshot.phase === 'running' && snapshot.running !== null && snapshot.role === 'writer'
}

/** `false`: an audit was due and could not be made whole. */
async function auditWhereDue<Op extends Operation>(
  opened: Opened<Op>,
  server: Source,
  signal: AbortSignal,
): Promise<boolean> {
  const { core } = opened
  const { control } = core.stores
  if (!control) return true
  const { flip, switched } = await readControl(control)
  const last = await readFact<Audited>(control, 'audited')
  const isUnverified = switched && last?.flip !== flip
  if (!isUnverified && !isDue(opened, last ?? null)) return true
  const report = await inspect(opened, {
    against: server,
    incremental: true,
    rowsPerSecond: ROWS_PER_SECOND,
    signal,
  })
  const stage = core.rollout()?.stage ?? null
  if (report.complete) {
    await writeFact(control, 'audited', { at: core.platform.now(), flip, stage })
  }
  return report.complete
}

function isDue<Op extends Operation>({ core }: Opened<Op>, last: Audited | null): boolean {
  const rollout = core.rollout()
  if (!rollout?.audit) return false
  const { sample = EVERYBODY, intervalMs = AUDIT_EVERY_MS } = rollout.audit
  if (!isInShare(bucketOf(`${rollout.hash.salt}/audit`, core.profile.bucketingKey), sample)) {
    return false
  }
  return !last || last.stage !== rollout.stage || core.platform.now() - last.at >= intervalMs
}
