import type { Consent, Feedback, FeedbackEntry } from '../model/record.js'
import type { Speaker } from './speaker.js'
import type { SpeakerOptions, Utterance } from './utterance.js'

/** Spoken before the speaker was there; more than this is not waited for. */
const WAITING = 500

/** What graysync tells upstream. The code that writes and sends is loaded after the start, and missed by nobody. */
export interface Voice {
  say(utterance: Utterance): void
  feedback(entry: Feedback): Promise<{ id: string; durable: boolean }>
  entries(): Promise<readonly FeedbackEntry[]>
  setConsent(consent: Consent): Promise<void>
  purge(installation: string): Promise<void>
  flush(): Promise<void>
}

export function createVoice(o: SpeakerOptions): Voice {
  const waiting: Utterance[] = []
  let loading: Promise<Speaker> | null = null
  let speaker: Speaker | null = null
  const load = (): Promise<Speaker> => {
    loading ??= import('./speaker.js').then(
      ({ createSpeaker }) => {
        speaker = createSpeaker(o)
        for (const utterance of waiting.splice(0)) speaker.say(utterance)
        return speaker
      },
      (cause) => {
        // A chunk that can't be loaded now may be there at the next call.
        loading = null
        throw cause
      },
    )
    return loading
  }
  return {
    say(utterance) {
      if (!o.sink) return
      if (speaker) return speaker.say(utterance)
      if (waiting.length < WAITING) waiting.push(utterance)
      load().catch(() => undefined)
    },
    feedback: async (entry) => (await load()).feedback(entry),
    entries: async () => (await load()).entries(),
    async setConsent(consent) {
      o.consent = consent
      if (o.sink) await (await load()).setConsent(consent)
    },
    purge: async (installation) => (await load()).purge(installation),
    flush: async () => speaker?.flush(),
  }
}
