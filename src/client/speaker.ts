import { toFeedbackRecord } from '../feedback/entry.js'
import { createDelivery } from '../flows/deliver.js'
import { GraySyncError } from '../model/errors.js'
import type { Consent, Feedback, TelemetryRecord } from '../model/record.js'
import { createOutbox } from '../store/outbox.js'
import { toAuditRecords } from '../telemetry/audit.js'
import { toExceptionRecord } from '../telemetry/exception.js'
import { createExposures } from '../telemetry/exposure.js'
import { toHandoverRecord } from '../telemetry/handover.js'
import { sampleResources } from '../telemetry/resource.js'
import { createSyncWindow } from '../telemetry/window.js'
import type { SpeakerOptions, Utterance } from './utterance.js'

const WINDOW_MS = 60_000

export interface Speaker {
  say(utterance: Utterance): void
  feedback(entry: Feedback): Promise<{ id: string; durable: boolean }>
  setConsent(consent: Consent): Promise<void>
  purge(): Promise<void>
  flush(): Promise<void>
}

/** Makes records of what happens, keeps them in the outbox and has them delivered. */
export function createSpeaker(o: SpeakerOptions): Speaker {
  const { platform, sink, signal } = o
  const outbox = createOutbox({ ...o, onError: (error) => o.emit('error', error) })
  const window = createSyncWindow(platform)
  const expose = createExposures(platform)

  /** Every record says whose it is: the arm and the stage are what upstream groups by. */
  const sign = (record: TelemetryRecord): TelemetryRecord => {
    const { stage, arm, version } = o.decision()
    return {
      ...record,
      attributes: {
        'app.installation.id': o.installation,
        'graysync.engine': o.engine() ?? 'none',
        'graysync.arm': arm,
        ...(stage !== null && { 'graysync.stage': stage }),
        ...(version !== null && { 'graysync.rollout.version': version }),
        ...record.attributes,
      },
    }
  }
  const add = (record: TelemetryRecord | null) => {
    if (record) outbox.add(sign(record))
  }
  const endWindow = () => {
    const { count, oldestAt } = o.pending() ?? { count: 0 }
    add(window.end(oldestAt === undefined ? { pending: count } : { pending: count, oldestAt }))
  }
  const tick = () => {
    if (signal.aborted) return
    endWindow()
    sampleResources(platform).then(add, () => undefined)
    cancel = platform.setTimer(tick, WINDOW_MS)
  }
  let cancel = platform.setTimer(tick, WINDOW_MS)
  signal.addEventListener('abort', () => cancel(), { once: true })
  // Before delivery hears of it: the window that ends here goes with the last breath.
  platform.onLife((life) => {
    if (life === 'hidden' || life === 'pagehide') endWindow()
  }, signal)
  if (sink) {
    createDelivery({
      platform,
      outbox,
      sink,
      sign,
      onDelivered: (lane, count) => o.emit('delivered', { lane, count }),
      onError: (error) => o.emit('error', error),
      signal,
    })
  }

  return {
    say(utterance) {
      switch (utterance.about) {
        case 'decision':
          return add(expose(utterance.decision))
        case 'settled': {
          const { settled } = utterance
          if (settled.status === 'acked') window.acked(settled.durationMs)
          else if (settled.status === 'dead') window.failed()
          return
        }
        case 'error':
          return add(toExceptionRecord(platform, utterance.error))
        case 'handover':
          return add(toHandoverRecord(platform, utterance.outcome))
        case 'audit':
          for (const record of toAuditRecords(platform, utterance.report)) add(record)
      }
    },
    async feedback(entry) {
      if (!sink)
        throw new GraySyncError('FEEDBACK', 'sink: one is needed to send feedback, got none')
      const record = toFeedbackRecord(platform, entry)
      const { durable } = await outbox.addDurably(sign(record))
      return { id: record.uid, durable }
    },
    setConsent: outbox.setConsent,
    purge: outbox.purge,
    async flush() {
      endWindow()
      await outbox.flush()
    },
  }
}
