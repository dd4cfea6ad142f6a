import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { Sink, SinkResult, TelemetryRecord } from '../model/record.js'
import { withinTime } from '../platform/bound.js'
import type { StoredFile } from '../store/database.js'
import { toBatchId } from './send.js'

const TIMEOUT_MS = 15_000

/** A sink that always answers: within a bound, and never by throwing. */
export interface Upstream {
  /** Calls the sink before it returns. */
  send(records: readonly TelemetryRecord[], lastBreath: boolean): Promise<SinkResult>
  sendFile(file: StoredFile): Promise<SinkResult>
  erase(installation: string): Promise<SinkResult>
}

export function reachUpstream(platform: Platform, sink: Sink, signal: AbortSignal): Upstream {
  const ask = async (
    call: (signal: AbortSignal) => Promise<SinkResult> | undefined,
  ): Promise<SinkResult> => {
    const hangUp = new AbortController()
    const stop = () => hangUp.abort(signal.reason)
    const late = () => new GraySyncError('NETWORK', 'the sink did not answer in time')
    signal.addEventListener('abort', stop, { once: true })
    try {
      const answer = call(hangUp.signal)
      // A sink without the call can never take what it is for.
      if (!answer) return { status: 'refused', because: 'poison' }
      return await withinTime(platform, TIMEOUT_MS, answer, late)
    } catch {
      return { status: 'retry' }
    } finally {
      signal.removeEventListener('abort', stop)
      hangUp.abort()
    }
  }

  return {
    send: (records, lastBreath) =>
      ask((hangUp) =>
        sink.send({ id: toBatchId(records), records }, { signal: hangUp, lastBreath }),
      ),
    sendFile: ({ id, entry, blob }) =>
      ask((hangUp) => sink.sendFile?.({ id, entry, blob }, { signal: hangUp })),
    erase: (installation) => ask((hangUp) => sink.erase?.(installation, { signal: hangUp })),
  }
}
