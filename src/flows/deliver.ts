import { GraySyncError } from '../model/errors.js'
import type { Held, Platform } from '../model/platform.js'
import type { Lane, Sink, Telling } from '../model/record.js'
import type { Outbox } from '../store/outbox.js'
import type { Batch } from '../store/outbox-backlog.js'
import { FREE, LANES } from '../store/outbox-log.js'
import { toDropRecord, toFileDrops, toRejections, toSettlement } from '../telemetry/drop.js'
import { reachUpstream } from '../telemetry/reach.js'
import { held, isOpen, opened, type Parkable, toParkedMs, toWaitMs } from '../telemetry/schedule.js'
import { type Stop, sendAll, toErasureStop, toStop } from '../telemetry/send.js'

const LOCK = 'graysync-sender'
const LOCK_TIMEOUT_MS = 60_000
/** How long a record waits for company. */
const LINGER_MS: Readonly<Record<Lane, number>> = {
  feedback: 0,
  error: 250,
  exposure: 5_000,
  metric: 5_000,
}

export interface Delivery {
  /** Sends soon; lifts waits that upstream did not ask for. */
  nudge(): void
  /** Like `nudge`, and resolves when nothing more can be sent now. */
  drain(): Promise<void>
}

/** Empties the outbox into the sink: one tab at a time, and a record is deleted only once upstream has it. */
export function createDelivery(o: {
  platform: Platform
  outbox: Outbox
  sink: Sink
  onDelivered(lane: Lane, count: number): void
  onError(error: GraySyncError): void
  /** Upstream is out of reach and records wait. @default nothing */
  onHeldUp?(): void
  /** Puts on a record what every record carries. @default nothing */
  sign?(record: Telling): Telling
  signal: AbortSignal
}): Delivery {
  const { platform, outbox, signal } = o
  const upstream = reachUpstream(platform, o.sink, signal)
  let schedule = FREE
  let passing: Promise<void> | null = null
  let wanted: 'no' | 'patient' | 'eager' = 'no'
  let wakeAt = Number.POSITIVE_INFINITY
  let cancelWake = () => {}

  const wakeIn = (ms: number) => {
    const at = platform.monotonic() + ms
    if (at >= wakeAt || signal.aborted) return
    cancelWake()
    wakeAt = at
    cancelWake = platform.setTimer(() => void pass('patient'), ms)
  }

  const pass = (how: 'patient' | 'eager'): Promise<void> => {
    wanted = wanted === 'eager' ? wanted : how
    passing ??= run().finally(() => {
      passing = null
    })
    return passing
  }

  const run = async () => {
    while (wanted !== 'no' && !signal.aborted) {
      const isEager = wanted === 'eager'
      wanted = 'no'
      cancelWake()
      wakeAt = Number.POSITIVE_INFINITY
      await outbox.flush()
      const lock = await hold(platform, signal)
      try {
        await sendLanes(isEager)
      } catch (cause) {
        o.onError(new GraySyncError('STORE', 'the outbox could not be emptied', { cause }))
      } finally {
        lock?.release()
      }
    }
  }

  const sendLanes = async (isEager: boolean) => {
    schedule = await outbox.schedule()
    const waitMs = toWaitMs(schedule, platform.now())
    if (waitMs > 0 && (schedule.told || !isEager)) return wakeIn(waitMs)
    for (const lane of LANES) {
      if (!(await sendRecords(lane))) return
      // The text of an entry has gone before its file.
      if (lane === 'feedback' && !(await sendFiles())) return
    }
    // Not before upstream is there: told earlier, the counts would wait among the records, and could be given up with them.
    const hasTold = await outbox.tellDrops((drop) => {
      const record = toDropRecord(platform, drop)
      return o.sign?.(record) ?? record
    })
    if (hasTold) await sendRecords('error')
    await sendErasures()
  }

  /** `false` where the others need not try. */
  const sendRecords = async (lane: Lane): Promise<boolean> => {
    if (isParked(lane)) return true
    for (let batch = await outbox.next(lane); batch; batch = await outbox.next(lane)) {
      const stop = await sendBatch(batch)
      if (signal.aborted) return false
      await reschedule(lane, stop)
      if (stop) return stop.status === 'config'
    }
    return true
  }

  const sendBatch = async (batch: Batch): Promise<Stop | null> => {
    const sent = await sendAll(batch.records, (part) => upstream.send(part, false))
    // What came back whole lies where it lay.
    const isTouched = sent.rest.length < batch.records.length
    if (isTouched) await outbox.settle(batch, toSettlement(batch.lane, sent))
    if (sent.accepted > 0) o.onDelivered(batch.lane, sent.accepted)
    return sent.stop
  }

  const sendFiles = async (): Promise<boolean> => {
    if (isParked('file')) return true
    for (let file = await outbox.nextFile(); file; file = await outbox.nextFile()) {
      const result = await upstream.sendFile(file)
      const stop = toStop(result)
      if (signal.aborted) return false
      if (!stop) await outbox.settleFile(file, toFileDrops(result))
      await reschedule('file', stop)
      if (stop) return stop.status === 'config'
    }
    return true
  }

  /** Last: what another tab said under the old id meanwhile has arrived, and goes with the rest. */
  const sendErasures = async () => {
    if (isParked('erasure')) return
    for (let id = await outbox.nextErasure(); id; id = await outbox.nextErasure()) {
      const stop = toErasureStop(await upstream.erase(id))
      if (signal.aborted) return
      if (!stop) await outbox.settleErasure(id)
      await reschedule('erasure', stop)
      if (stop) return
    }
  }

  const isParked = (what: Parkable): boolean => {
    const waitMs = toParkedMs(schedule, what, platform.now())
    if (waitMs > 0) wakeIn(waitMs)
    return waitMs > 0
  }

  const reschedule = async (what: Parkable, stop: Stop | null) => {
    const now = platform.now()
    if (stop) schedule = held(schedule, what, stop, { now, random: platform.random() })
    else if (isOpen(schedule, what)) return
    else schedule = opened(schedule, what)
    await outbox.setSchedule(schedule)
    if (stop?.status === 'retry') o.onHeldUp?.()
    if (stop)
      wakeIn(stop.status === 'config' ? toParkedMs(schedule, what, now) : toWaitMs(schedule, now))
  }

  const breathe = () => {
    const isAsked = schedule.told && toWaitMs(schedule, platform.now()) > 0
    for (const batch of outbox.lastBreath()) void exhale(batch, isAsked)
  }

  const exhale = async (batch: Batch, isHeldBack: boolean) => {
    const result = isHeldBack ? null : await upstream.send(batch.records, true)
    if (result?.status === 'accepted') {
      await outbox.flush()
      const drops = toRejections(batch.lane, result.rejected)
      await outbox.settle(batch, { drops })
      o.onDelivered(batch.lane, batch.records.length - (result.rejected ?? 0))
    }
    outbox.release(batch)
  }

  platform.onLife((life) => {
    if (life === 'hidden' || life === 'pagehide') breathe()
    else if (life !== 'offline' && life !== 'freeze') void pass('eager')
  }, signal)
  outbox.watch((lane) => wakeIn(LINGER_MS[lane]))
  signal.addEventListener('abort', () => cancelWake(), { once: true })
  void pass('eager')

  return { nudge: () => void pass('eager'), drain: () => pass('eager') }
}

/** A suspended tab can hold the lock for ever: after a while this one sends beside it, which ids make harmless. */
async function hold(platform: Platform, signal: AbortSignal): Promise<Held | null> {
  if (!platform.lock) return null
  const impatience = new AbortController()
  const giveUp = () => impatience.abort()
  const cancel = platform.setTimer(giveUp, LOCK_TIMEOUT_MS)
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await platform.lock(LOCK, { signal: impatience.signal })
  } catch {
    return null
  } finally {
    cancel()
    signal.removeEventListener('abort', giveUp)
  }
}
