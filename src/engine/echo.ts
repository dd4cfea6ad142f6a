import type { Identified, Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection } from '../store/control.js'
import { readOpen, toSubject } from './oplog.js'

/** Nothing is applied within this of an operation of the user, … */
const QUIET_MS = 200
/** … unless something has waited so long: then a few are. */
const LATEST_MS = 2_000
const BATCH = 20
/** What comes above that is read from the op-log once it is quiet; what is acknowledged by then comes by a pull. */
const MOST_WAITING = 1_000

/** Repeats on the store of a shadow what was handed to the owner's engine, when the page has time. */
export interface Echo<Op extends Operation> {
  /** From here on operations are applied; first those that the owner's store holds and no server. */
  begin(): Promise<void>
  handed(op: Identified<Op>): void
  /** What was handed over and is not applied yet; the last of a row where more came than are held, without its content. */
  behind(): readonly Operation[]
}

export interface EchoOptions<Op extends Operation> {
  platform: Platform
  log: ControlConnection
  /** Never rejects. */
  apply(op: Identified<Op>): Promise<void>
  onError(cause: unknown): void
  signal: AbortSignal
}

export function createEcho<Op extends Operation>(o: EchoOptions<Op>): Echo<Op> {
  const { platform, signal } = o
  const waiting: Identified<Op>[] = []
  let done = new Set<string>()
  let begun = false
  let armed = false
  /** Some have to be read from the op-log. */
  let missed = true
  /** What they are about, by row. */
  const dropped = new Map<string, Operation>()
  let newestAt = Number.NEGATIVE_INFINITY
  let since = 0

  const isQuiet = () => platform.monotonic() - newestAt >= QUIET_MS

  const arm = () => {
    if (armed || !begun) return
    armed = true
    since = platform.monotonic()
    platform.setTimer(look, QUIET_MS)
  }

  /** All come in their order from the op-log: one of these could undo what a pull brings of those that do not. */
  const drop = (ops: readonly Operation[]) => {
    missed = true
    for (const { entity, entityId, kind } of ops) {
      const bare = { entity, entityId, kind }
      dropped.set(toSubject(bare), bare)
    }
  }

  const look = () => {
    if (signal.aborted) return
    const isDue = isQuiet() || platform.monotonic() - since >= LATEST_MS
    if (!isDue) return void platform.setTimer(look, QUIET_MS)
    work()
      .catch(o.onError)
      .finally(() => {
        armed = false
        if (missed || waiting.length > 0) arm()
      })
  }

  async function work(): Promise<void> {
    if (missed && isQuiet()) await catchUp()
    for (let count = 0; !signal.aborted && (isQuiet() || count < BATCH); count++) {
      const [op] = waiting
      if (!op) return
      if (!done.has(op.opId)) await o.apply(op)
      done.add(op.opId)
      waiting.shift()
      await platform.pause()
    }
  }

  /** The op-log has them in order; what it no longer has open is on the server. */
  async function catchUp(): Promise<void> {
    missed = false
    const before = [...dropped.values()]
    dropped.clear()
    const rows = await readOpen(o.log).catch((cause) => {
      drop([...before, ...waiting.splice(0)])
      throw cause
    })
    const ids = new Set(rows.map(({ opId }) => opId))
    done = new Set([...done].filter((opId) => ids.has(opId)))
    const open = rows.filter(({ applied, state, opId }) => {
      return applied && state === 'open' && !done.has(opId)
    })
    // What was handed over during the read is in it as well.
    waiting.unshift(...open.map(({ op }) => op as Identified<Op>))
  }

  return {
    async begin() {
      await catchUp()
      begun = true
      arm()
    },
    handed(op) {
      newestAt = platform.monotonic()
      if (!missed && waiting.length < MOST_WAITING) waiting.push(op)
      else drop([...waiting.splice(0), op])
      arm()
    },
    behind: () => [...waiting, ...dropped.values()],
  }
}
