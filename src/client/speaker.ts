import { createDelivery } from '../flows/deliver.js'
import type { Outcome } from '../flows/handover.js'
import type { Decision } from '../model/decision.js'
import type { GraySyncError } from '../model/errors.js'
import type { Settled } from '../model/operation.js'
import type { Consent, Feedback } from '../model/record.js'
import type { AuditReport } from '../model/source.js'
import { createOutbox } from '../store/outbox.js'
import { makeRecord } from '../telemetry/record.js'
import type { VoiceOptions } from './voice.js'

export type Utterance =
  | { about: 'decision'; decision: Decision }
  | { about: 'settled'; settled: Settled }
  | { about: 'error'; error: GraySyncError }
  | { about: 'handover'; outcome: Outcome }
  | { about: 'audit'; report: AuditReport }

export interface Speaker {
  say(utterance: Utterance): void
  feedback(entry: Feedback): Promise<{ id: string }>
  setConsent(consent: Consent): Promise<void>
  purge(): Promise<void>
  flush(): Promise<void>
}

export function createSpeaker(o: VoiceOptions): Speaker {
  const outbox = createOutbox({ ...o, onError: (error) => o.emit('error', error) })
  return {
    say(u) {
      outbox.add(makeRecord(o.platform, 'metric', u.about, {}))
    },
    feedback: async () => ({ id: '' }),
    setConsent: outbox.setConsent,
    purge: outbox.purge,
    flush: outbox.flush,
  }
}
void createDelivery
