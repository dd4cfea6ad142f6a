import type { LoggedOperation, Running } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from '../platform/bound.js'

const PROBE_TIMEOUT_MS = 5_000
/** Operations wait for all questions together. */
const ALL_TIMEOUT_MS = 15_000

/** Asks through an engine which operations the server has of those that an engine was handed which died. After one question without an answer, or 15 seconds of answers, nothing more is asked. */
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
  const end = platform.monotonic() + ALL_TIMEOUT_MS
  for (const row of running.probe ? rows.filter((one) => one.applied) : []) {
    if (platform.monotonic() > end) break
    const answer = await ask(row.opId)
    if (answer === null) break
    if (answer === 'applied') applied.push(row)
  }
  return applied
}
