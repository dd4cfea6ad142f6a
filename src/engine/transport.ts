import { GraySyncError } from '../model/errors.js'
import type { Fetch } from '../model/platform.js'

export interface Transport {
  fetch: Fetch
}

/** What a request was answered with, and what that says of the server. */
export interface Answer {
  method: string
  /** Neither GET nor HEAD. */
  isWrite: boolean
  url: string
  status: number
  /** The request named the operation that it carries. */
  hasOperation: boolean
  /** What the server's ledger says of it. */
  outcome: string | null
  /** Whether it named the term that it was asked under; `null` where it need not. */
  echoes: boolean | null
}

export interface TransportOptions {
  fetch: Fetch
  device: string
  term: number
  /** Aborts with the engine. */
  signal: AbortSignal
  /** The highest term of this profile now. */
  highestTerm(): Promise<number>
  /** The rollout forbids this engine to send; asked at every send. */
  isSuspended(): boolean
  /** A newer writer is there: this engine must stop. */
  onFenced(): void
  /** What the server's answer proves. */
  onAnswer(answer: Answer): void
}

/** The one way out for an engine: knows the term, and refuses once the engine may no longer send. */
export function createTransport(o: TransportOptions): Transport {
  const guard = async () => {
    // Lower where the user cleared the data of the site: the right to send went with it.
    if ((await o.highestTerm()) !== o.term) {
      o.onFenced()
      throw new GraySyncError('FENCED', `term ${o.term} is over: another tab writes now`)
    }
    // Last, since the term takes a moment to read.
    if (o.isSuspended()) {
      throw new GraySyncError(
        'SUSPENDED',
        'this engine is given up or its rollout is killed: it may not send',
      )
    }
  }
  return {
    async fetch(input, init) {
      await guard()
      const request = new Request(input, init)
      const signal = AbortSignal.any([o.signal, request.signal])
      const headers = new Headers(request.headers)
      const isWrite = request.method !== 'GET' && request.method !== 'HEAD'
      if (isWrite) {
        headers.set('graysync-term', String(o.term))
        headers.set('graysync-device', o.device)
      }
      const answer = await o.fetch(new Request(request, { headers, signal }))
      const outcome = answer.headers.get('graysync-outcome')
      const isEchoed = answer.headers.get('graysync-term') === String(o.term)
      o.onAnswer({
        method: request.method,
        isWrite,
        url: request.url,
        status: answer.status,
        hasOperation: headers.has('graysync-operation'),
        outcome,
        echoes: isWrite && answer.ok ? isEchoed : null,
      })
      if (outcome === 'fenced') o.onFenced()
      return answer
    },
  }
}
