import type { EngineContext } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { Fetch } from '../model/platform.js'

export interface ShadowContextOptions {
  fetch: Fetch
  device: string
  /** Of the writer in whose tab the shadow runs. */
  term: number
  /** Aborts with the shadow. */
  signal: AbortSignal
  /** Rejects once the shadow is over. */
  check(): Promise<void>
  /** It tried to write, or to end an operation that is not its own. */
  onRefused(): void
  /** Whether a read of it was answered. */
  onRead(answered: boolean): void
}

/** What an engine gets that runs in shadow: it may read from the server, and whatever else it tries never leaves the page. */
export function createShadowContext(o: ShadowContextOptions): EngineContext {
  const read = async (request: Request): Promise<Response> => {
    const signal = AbortSignal.any([o.signal, request.signal])
    const answer = await o.fetch(new Request(request, { signal }))
    // What comes for a shadow that is over must not get into a store that may be handed over.
    o.signal.throwIfAborted()
    return answer
  }
  const refuseEnd = (): Promise<never> => {
    o.onRefused()
    const refused = Promise.reject(refuse('an end'))
    // Most engines don't wait for it.
    refused.catch(() => {})
    return refused
  }
  return {
    mode: 'shadow',
    signal: o.signal,
    term: o.term,
    device: o.device,
    async fetch(input, init) {
      const request = new Request(input, init)
      const { method } = request
      if (method !== 'GET' && method !== 'HEAD') {
        o.onRefused()
        throw refuse(method)
      }
      await o.check()
      try {
        const answer = await read(request)
        o.onRead(answer.ok || answer.status === 304)
        return answer
      } catch (cause) {
        o.onRead(false)
        throw cause
      }
    },
    ack: refuseEnd,
    fail: refuseEnd,
  }
}

function refuse(what: string): GraySyncError {
  return new GraySyncError('SUSPENDED', `an engine in shadow only reads: ${what} was refused`)
}
