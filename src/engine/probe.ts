import type { LoggedOperation, Running } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from '../platform/bound.js'

const PROBE_TIMEOUT_MS = 5_000

/** Asks through an engine which operations the server has of those that an engine was handed which died. After one question without an answer nothing more is asked. */
export async function findApplied<Op extends Operation>(
  platform: Platform,
  running: Running<Op>,
  rows: readonly LoggedOperation[],
): Promise<LoggedOperation[]> {
  const late = () => new GraySyncError('ENGINE_TIMEOUT', 'the engine did not probe in time')
  const ask = (opId: string) =>
    withinTime(
      platform,
      PROBE_TIMEOUT_MS,
      Promise.resolve().then(() => running.probe?.(opId)),
      late,
    ).catch(() => null)
  const applied: LoggedOperation[] = []
  for (const row of running.probe ? rows.filter((one) => one.applied) : []) {
    const answer = await ask(row.opId)
    if (answer === null) break
    if (answer === 'applied') applied.push(row)
  }
  return applied
}
