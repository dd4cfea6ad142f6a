import type { ReadFlight } from '../consistency/flight.js'
import type { AuditRequest } from '../consistency/request.js'
import type { AuditWord, Errand, FlightAnswer } from '../model/errand.js'
import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { AuditReport } from '../model/source.js'

const LOOK_EVERY_MS = 1_000
/** Looks and not time: a page that slept looks once when it wakes, and its worker slept as well. */
const PATIENCE = 30

export interface Delegation extends Omit<AuditRequest, 'left' | 'right' | 'inFlight'> {
  worker: Worker | MessagePort
  /** Names of sources that the worker has. */
  left: string
  right: string
  readFlight: ReadFlight
}

/**
 * Has a worker run an audit, and answers its report. Rejects with what the worker says went wrong, and with AUDIT where
 * it says nothing any more: it died, or serves no audits.
 */
export async function auditInWorker(delegation: Delegation): Promise<AuditReport> {
  const { platform, worker, signal } = delegation
  const { port1: port, port2 } = new MessageChannel()
  const ended = new AbortController()
  const giveUp = () => port.postMessage('abort')
  try {
    return await new Promise<AuditReport>((resolve, reject) => {
      const fail = (why: string) => reject(new GraySyncError('AUDIT', `worker: it ${why}`))
      const silence = watchSilence(platform, ended.signal, () =>
        fail(`said nothing for ${PATIENCE} seconds: it died, hangs, or does not call serveAudits`),
      )
      // What the app's own listener throws ends the audit, as it does in the page.
      const attempt = (tell: () => void) => {
        try {
          tell()
        } catch (cause) {
          reject(cause)
        }
      }
      port.onmessage = ({ data, ports: [answer] }: MessageEvent<AuditWord>) => {
        silence.broken()
        if (data.is === 'flight') void tellFlight(delegation.readFlight, answer)
        else if (data.is === 'progress') attempt(() => delegation.onProgress?.(data.progress))
        else if (data.is === 'report') resolve(data.report)
        else if (data.is === 'error')
          reject(new GraySyncError(data.code, `worker: ${data.message}`))
      }
      const onError = (event: Event) => {
        // Of one that was heard, an error that nobody caught may be about anything.
        if (silence.isWhole()) fail(`can't start: ${(event as ErrorEvent).message || 'not loaded'}`)
      }
      worker.addEventListener('error', onError, { signal: ended.signal })
      signal?.addEventListener('abort', giveUp, { signal: ended.signal })
      worker.postMessage(toErrand(delegation), [port2])
      if (signal?.aborted) giveUp()
    })
  } finally {
    ended.abort()
    giveUp()
    port.close()
  }
}

function toErrand({ left, right, rules, tables, settleMs, onProgress }: Delegation): Errand {
  return {
    graysync: 'audit',
    left,
    right,
    rules,
    tells: onProgress !== undefined,
    ...(tables && { tables }),
    ...(settleMs !== undefined && { settleMs }),
  }
}

interface Silence {
  broken(): void
  /** Nothing was heard yet. */
  isWhole(): boolean
}

function watchSilence(
  { setTimer }: Pick<Platform, 'setTimer'>,
  signal: AbortSignal,
  onLong: () => void,
): Silence {
  let looks = 0
  let isWhole = true
  let cancel = () => {}
  const look = () => {
    looks++
    if (looks > PATIENCE) onLong()
    else cancel = setTimer(look, LOOK_EVERY_MS)
  }
  look()
  signal.addEventListener('abort', () => cancel(), { once: true })
  return {
    broken() {
      looks = 0
      isWhole = false
    },
    isWhole: () => isWhole,
  }
}

async function tellFlight(readFlight: ReadFlight, answer: MessagePort | undefined): Promise<void> {
  const said: FlightAnswer = await readFlight().then(
    (rows) => ({ rows }),
    (cause) => ({ failure: cause instanceof Error ? cause.message : String(cause) }),
  )
  answer?.postMessage(said)
}
