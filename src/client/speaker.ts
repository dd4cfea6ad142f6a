import { createDelivery } from '../flows/deliver.js'
import type { Consent, Feedback } from '../model/record.js'
import { createOutbox } from '../store/outbox.js'
import { makeRecord } from '../telemetry/record.js'
import type { SpeakerOptions, Utterance } from './utterance.js'

export interface Speaker {
  say(utterance: Utterance): void
  feedback(entry: Feedback): Promise<{ id: string }>
  setConsent(consent: Consent): Promise<void>
  purge(): Promise<void>
  flush(): Promise<void>
}

export function createSpeaker(o: SpeakerOptions): Speaker {
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
