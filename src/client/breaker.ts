import { withRoom } from '../engine/ballast.js'
import { type BreakerEvent, CLOSED, stepBreaker, type TripCause } from '../engine/breaker.js'
import { keepScores, keepStep, readBreaker } from '../engine/latch.js'
import { GraySyncError } from '../model/errors.js'
import type { EngineName } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection } from '../store/control.js'
import { createBoots } from './boots.js'

const MOST_BOOTS = 3

/** Whether the refactored engine was given up on this device. Written by the tab that runs it. */
export interface Breaker {
  /** A local rollback is in force under a rollout of this `resetEpoch`. */
  isLatched(epoch: number): boolean
  /** The engine was given up: its sends are refused until a boot finds that a rollout lifted it. */
  isOpen(): boolean
  /** A rollout lifts it, at the next boot. */
  isLifted(): boolean
  /** Takes what another tab has written. */
  read(): Promise<void>
  /** At a boot: lets a rollout lift it, and gives up an engine that took the page with it three times. */
  enter(owner: EngineName): Promise<void>
  /** Before the engine starts; the answer says that it did. Throws SUSPENDED where it would take the page with it again. */
  begin(signal: AbortSignal): () => void
  take(event: BreakerEvent & { kind: 'ok' | 'failure' }): void
  /** Keeps what was taken. */
  keep(): Promise<void>
  trip(by: TripCause, detail?: Readonly<Record<string, unknown>>): Promise<void>
}

export interface BreakerOptions {
  platform: Platform
  control: ControlConnection | null
  /** Of the refactored engine; `null` where there is none. */
  version: string | null
  /** The `resetEpoch` in force; `null` where there is no rollout. */
  epoch(): number | null
  onTrip(by: TripCause): void
  report(cause: unknown): void
}

export function createBreaker(o: BreakerOptions): Breaker {
  const { platform, control, version } = o
  const boots = createBoots(platform, version ?? '')
  let present = CLOSED
  let isKept = true
  /** Writes a trip that could not be written yet. */
  let writeTrip: (() => Promise<void>) | null = null

  const toRollout = () => ({ kind: 'rollout', epoch: o.epoch() ?? 0 }) as const
  const read = async () => {
    if (writeTrip) await writeTrip()
    else if (control && version !== null) present = await readBreaker(control, version)
  }
  const trip = async (by: TripCause, detail: Readonly<Record<string, unknown>> = {}) => {
    if (present.state !== 'closed' || version === null) return
    const at = platform.now()
    // Where no rollout is known none is higher: only another version lifts it then.
    const event = { kind: 'trip', by, at, epoch: o.epoch() ?? Number.MAX_SAFE_INTEGER } as const
    // From here on nothing is sent, whether or not it can be written.
    present = stepBreaker(present, event)
    boots.clear()
    o.onTrip(by)
    if (!control) return
    const entry = { at, detail: { by, ...detail } }
    let writing: Promise<void> | null = null
    const write = async () => {
      present = await withRoom(control, () => keepStep(control, version, event, entry))
      writeTrip = null
    }
    writeTrip = () => {
      writing ??= write()
        .catch(o.report)
        .finally(() => {
          writing = null
        })
      return writing
    }
    await writeTrip()
  }

  return {
    isLatched: (epoch) =>
      present.state === 'spent' || (present.state === 'tripped' && epoch <= present.epoch),
    isOpen: () => present.state !== 'closed',
    read,
    isLifted: () => stepBreaker(present, toRollout()) !== present,
    async enter(owner) {
      await read()
      const event = toRollout()
      if (control && version !== null && stepBreaker(present, event) !== present) {
        const entry = { at: platform.now(), detail: { epoch: event.epoch } }
        present = await keepStep(control, version, event, entry)
      }
      if (owner === 'refactored' && boots.count() >= MOST_BOOTS) await trip('boots')
    },
    begin(signal) {
      if (present.state !== 'closed' && present.by === 'boots') {
        throw new GraySyncError('SUSPENDED', 'the page died with this engine three times')
      }
      return boots.begin(signal)
    },
    take(event) {
      const next = stepBreaker(present, event)
      if (next === present) return
      if (next.state !== 'closed') return void trip(next.by)
      present = next
      isKept = false
    },
    async keep() {
      if (isKept || !control || version === null) return
      isKept = true
      const mine = present
      const kept = await keepScores(control, version, mine)
      if (kept !== mine && present.state === 'closed') present = kept
    },
    trip,
  }
}
