import type { LoggedOperation, Running } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from '../platform/bound.js'

const PROBE_TIMEOUT_MS = 5_000

export interface Probed {
  /** The server has them: their engine died before it could say so. */
  applied: LoggedOperation[]
  open: LoggedOperation[]
}

/** Asks through an engine what became of operations that an engine was handed which died. After one question without an answer nothing more is asked. */
export async function probe<Op extends Operation>(
  platform: Platform,
  running: Running<Op>,
  rows: readonly LoggedOperation[],
): Promise<Probed> {
  const late = () => new GraySyncError('ENGINE_TIMEOUT', 'the engine did not probe in time')
  const ask = (opId: string) =>
    withinTime(
      platform,
      PROBE_TIMEOUT_MS,
      Promise.resolve().then(() => running.probe?.(opId)),
      late,
    ).catch(() => null)
  const probed: Probed = { applied: [], open: [] }
  let isAnswering = running.probe !== undefined
  for (const row of rows) {
    const answer = row.applied && isAnswering ? await ask(row.opId) : 'unknown'
    if (answer === null) isAnswering = false
    probed[answer === 'applied' ? 'applied' : 'open'].push(row)
  }
  return probed
}
