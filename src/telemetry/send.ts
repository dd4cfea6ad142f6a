import type { SinkResult, TelemetryRecord } from '../model/record.js'

const SUSPICIOUS = 5

/** Why nothing more is sent for now. */
export type Stop = { status: 'retry'; afterMs?: number } | { status: 'config' }

/** What became of the records of a batch. */
export interface Sent {
  accepted: number
  rejected: number
  /** Single records that upstream can never take. */
  poison: TelemetryRecord[]
  tooLarge: TelemetryRecord[]
  /** Among the rejected, where all of a request were: upstream does not say which. */
  refused: TelemetryRecord[]
  /** Not sent, or sent without an answer. */
  rest: TelemetryRecord[]
  /** Why there is a rest. */
  stop: Stop | null
}

/**
 * Sends all records, halving what is refused until the single records at fault are found.
 * Where every single one is at fault and nothing gets through, the records are not the reason: it stops as for a wrong configuration.
 */
export async function sendAll(
  records: readonly TelemetryRecord[],
  send: (part: readonly TelemetryRecord[]) => Promise<SinkResult>,
): Promise<Sent> {
  const sent: Sent = {
    accepted: 0,
    rejected: 0,
    poison: [],
    tooLarge: [],
    refused: [],
    rest: [],
    stop: null,
  }
  const parts = [records]
  for (let part = parts.pop(); part; part = parts.pop()) {
    const result = await send(part)
    if (result.status === 'accepted') {
      count(sent, part, result.rejected)
      continue
    }
    if (result.status === 'retry' || result.because === 'config') {
      sent.stop = toStop(result)
      sent.rest = [part, ...parts.reverse()].flat()
      return sent
    }
    const [only] = part
    if (part.length > 1) {
      const half = Math.ceil(part.length / 2)
      parts.push(part.slice(half), part.slice(0, half))
    } else if (only) sent[result.because].push(only)

    if (sent.poison.length > SUSPICIOUS && sent.accepted === 0) {
      sent.stop = { status: 'config' }
      sent.rest = [...sent.poison, ...parts.reverse().flat()]
      sent.poison = []
      return sent
    }
  }
  return sent
}

function count(sent: Sent, part: readonly TelemetryRecord[], rejections = 0): void {
  const rejected = Math.min(rejections, part.length)
  sent.rejected += rejected
  sent.accepted += part.length - rejected
  if (rejected === part.length) sent.refused.push(...part)
}

export function toStop(result: SinkResult): Stop | null {
  if (result.status === 'retry') return result
  return result.status === 'refused' && result.because === 'config' ? { status: 'config' } : null
}

/** What upstream is to forget is owed, for whatever reason it refused. */
export function toErasureStop(result: SinkResult): Stop | null {
  return result.status === 'accepted' ? null : (toStop(result) ?? { status: 'config' })
}

/** Names a set of records: the same set has the same name at each attempt. */
export function toBatchId(records: readonly TelemetryRecord[]): string {
  const [first, last] = [records[0], records.at(-1)]
  return `${first?.uid ?? ''}.${last?.uid ?? ''}.${records.length}`
}
