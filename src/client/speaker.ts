import { toFeedbackRecord } from '../feedback/entry.js'
import { createDelivery } from '../flows/deliver.js'
import { mintId } from '../lib/id.js'
import { OUTBOX_SYNC } from '../lib/roll-call.js'
import { GraySyncError } from '../model/errors.js'
import type { Settled } from '../model/operation.js'
import type { Consent, Feedback, FeedbackEntry, Telling } from '../model/record.js'
import { watchVitals } from '../platform/vitals.js'
import { createOutbox } from '../store/outbox.js'
import { toAuditRecords } from '../telemetry/audit.js'
import { toExceptionRecord } from '../telemetry/exception.js'
import { createExposures } from '../telemetry/exposure.js'
import { toHandoverRecord } from '../telemetry/handover.js'
import { toMachineRecord } from '../telemetry/machine.js'
import { toRepairRecord } from '../telemetry/repair.js'
import { sampleResources } from '../telemetry/resource.js'
import { toShadowRecords } from '../telemetry/shadow.js'
import { toTripRecord } from '../telemetry/trip.js'
import { createUseWindow } from '../telemetry/use.js'
import { createSyncWindow } from '../telemetry/window.js'
import { createAsking, type Occasion } from './asking.js'
import { isTold, toSampleAttributes } from './sampling.js'
import type { SpeakerOptions, Utterance } from './utterance.js'

const WINDOW_MS = 60_000

export interface Speaker {
  say(utterance: Utterance): void
  feedback(entry: Feedback): Promise<{ id: string; durable: boolean }>
  entries(): Promise<readonly FeedbackEntry[]>
  setConsent(consent: Consent): Promise<void>
  /** Deletes what waits here, and has upstream delete what it holds of this installation. */
  purge(installation: string): Promise<void>
  flush(): Promise<void>
}

/** Makes records of what happens, keeps them in the outbox and has them delivered. */
export function createSpeaker(o: SpeakerOptions): Speaker {
  const { platform, sink, signal } = o
  const outbox = createOutbox({ ...o, onError: (error) => o.emit('error', error) })
  const window = createSyncWindow(platform)
  const uses = createUseWindow(platform)
  const expose = createExposures(platform)
  const ask = createAsking(o.rollout, o.installation)
  const vitals = watchVitals(signal)
  const session = mintId(platform.now(), platform.randomBytes(16))
  let seq = 0

  /**
   * Every record says whose it is: the arm and the stage are what upstream groups by. The number of a session's
   * record shows a gap, and the clock that never jumps the order.
   */
  const sign = <R extends Telling>(record: R): R => {
    const { stage, arm, version } = o.decision()
    return {
      ...record,
      attributes: {
        'app.installation.id': o.installation(),
        'session.id': session,
        'graysync.seq': seq++,
        'graysync.uptime.ms': platform.monotonic(),
        ...toSampleAttributes(o.rollout()),
        'graysync.engine': o.engine() ?? 'none',
        'graysync.arm': arm,
        ...(o.isTripped() && { 'graysync.tripped': true }),
        ...(stage !== null && { 'graysync.stage': stage }),
        ...(version !== null && { 'graysync.rollout.version': version }),
        ...record.attributes,
      },
    }
  }
  const add = (record: Telling | null) => {
    if (record && isTold(record, o.rollout(), o.installation())) outbox.add(sign(record))
  }
  const bringUp = (occasion: Occasion) => {
    const survey = ask(occasion)
    if (survey) o.emit('surveyWanted', survey)
  }
  const settle = (settled: Settled) => {
    if (settled.status === 'dead') return window.failed()
    if (settled.status !== 'acked') return
    window.acked(settled.durationMs)
    bringUp('acked')
  }
  const endWindow = () => {
    const { count, oldestAt } = o.pending() ?? { count: 0 }
    add(uses.end())
    add(window.end(oldestAt === undefined ? { pending: count } : { pending: count, oldestAt }))
  }
  const countUse = (feature: unknown) => {
    if (typeof feature === 'string' && feature !== '') return uses.count(feature)
    const got = String(feature)
    o.emit('error', new GraySyncError('OPTION', `use: feature must be a text, got "${got}"`))
  }
  const tick = () => {
    if (signal.aborted) return
    endWindow()
    sampleResources(platform, vitals).then(add, () => undefined)
    cancel = platform.setTimer(tick, WINDOW_MS)
  }
  let cancel = platform.setTimer(tick, WINDOW_MS)
  signal.addEventListener('abort', () => cancel(), { once: true })
  // Before delivery hears of it: the window that ends here goes with the last breath.
  platform.onLife((life) => {
    if (life === 'hidden' || life === 'pagehide') endWindow()
  }, signal)
  add(toMachineRecord(platform, { ...vitals.machine(), app: o.app.version }))
  if (sink) {
    createDelivery({
      platform,
      outbox,
      sink,
      sign,
      onDelivered: (lane, count) => o.emit('delivered', { lane, count }),
      onHeldUp: () => platform.worker?.requestSync(OUTBOX_SYNC),
      onError: (error) => o.emit('error', error),
      signal,
    })
  }

  return {
    say(utterance) {
      switch (utterance.about) {
        case 'decision':
          bringUp('start')
          return add(expose(utterance.decision))
        case 'settled':
          return settle(utterance.settled)
        case 'use':
          return countUse(utterance.feature)
        case 'error':
          return add(toExceptionRecord(platform, utterance.error))
        case 'handover':
          if (utterance.outcome.outcome === 'committed') bringUp('switch')
          return add(toHandoverRecord(platform, utterance.outcome))
        case 'trip':
          return add(toTripRecord(platform, utterance))
        case 'repair':
          return add(toRepairRecord(platform, utterance))
        case 'audit':
          for (const record of toAuditRecords(platform, utterance.report)) add(record)
          return
        case 'shadow':
          for (const record of toShadowRecords(platform, utterance.news)) add(record)
      }
    },
    async feedback(entry) {
      if (!sink)
        throw new GraySyncError('FEEDBACK', 'sink: one is needed to send feedback, got none')
      const record = toFeedbackRecord(platform, entry)
      const { durable } = await outbox.addDurably(sign(record), entry.file)
      return { id: record.uid, durable }
    },
    entries: outbox.entries,
    setConsent: outbox.setConsent,
    purge: (installation) => outbox.purge(sink?.erase ? installation : null),
    async flush() {
      endWindow()
      await outbox.flush()
    },
  }
}
