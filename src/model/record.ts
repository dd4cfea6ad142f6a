export type Lane = 'feedback' | 'error' | 'exposure' | 'metric'

/** One thing to tell upstream. Attributes hold no personal data unless the host allowed it. */
export interface TelemetryRecord {
  /** Unique for ever: upstream drops a second arrival. */
  uid: string
  /** Dotted event name, for example `graysync.sync.op`. */
  name: string
  /** Epoch ms. */
  at: number
  lane: Lane
  attributes: Readonly<Record<string, unknown>>
  body?: string
}

/** A record before it is written: an id costs more than the rest, and is minted then where there is none. */
export type Telling = Omit<TelemetryRecord, 'uid'> & { uid?: string }

/** Where records go. `send` never throws for an expected outcome. */
export interface Sink {
  send(
    batch: { id: string; records: readonly TelemetryRecord[] },
    o: { signal: AbortSignal; lastBreath: boolean },
  ): Promise<SinkResult>
  sendFile?(
    file: { id: string; entry: string; blob: Blob },
    o: { signal: AbortSignal },
  ): Promise<SinkResult>
  /** Asks upstream to delete what it holds of an installation; asked again until it is accepted. */
  erase?(installation: string, o: { signal: AbortSignal }): Promise<SinkResult>
}

export type SinkResult =
  | { status: 'accepted'; rejected?: number }
  | { status: 'retry'; afterMs?: number }
  | { status: 'refused'; because: 'config' | 'poison' | 'tooLarge' }

export type Consent = 'granted' | 'pending' | 'denied'

/** What a user says about the app. */
export interface Feedback {
  text: string
  /** @default 'other' */
  category?: 'bug' | 'idea' | 'question' | 'praise' | 'other'
  /** 1 (worst) to 5 (best). */
  rating?: number
  severity?: 'low' | 'medium' | 'high'
  /** How to answer; only kept when the user gave it for that purpose. */
  contact?: string
  /** Facts the user saw and left in. */
  context?: Readonly<Record<string, string | number | boolean>>
  /** An answer to a survey takes the place of a text. */
  survey?: Answer
  /** A picture, text, JSON or PDF of at most 5 MB; sent after the entry, and never instead of it. */
  file?: Blob
  /** Same id, same entry: a second submission does not double it. */
  id?: string
}

/** What a user is asked: how satisfied (`csat`, 1 to 5), or how likely to recommend the app (`nps`, 0 to 10). */
export interface Survey {
  /** Names the question: whoever answered it is not asked again. */
  id: string
  kind: 'csat' | 'nps'
}

export interface Answer extends Survey {
  score: number
}

/** What became of something that a user said. */
export interface FeedbackEntry {
  id: string
  /** Epoch ms. */
  at: number
  /** `refused`: upstream would not take it. `unsent`: given up here, after 30 days or since it can't be read. */
  state: 'waiting' | 'sent' | 'refused' | 'unsent'
}
