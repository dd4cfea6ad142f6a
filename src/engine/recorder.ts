import { GraySyncError } from '../model/errors.js'
import type { Timers } from '../platform/timers.js'
import type { ControlConnection } from '../store/control.js'
import { type End, type Settlement, settle } from './oplog.js'

const RETRY_FIRST_MS = 1_000
const RETRY_LAST_MS = 60_000

/** Writes what engines say of operations: facts, however often that takes. */
export interface Recorder {
  /** `null` where the op-log does not have the operation. Rejects where the last try fails, at the close. */
  record(opId: string, end: End): Promise<Settlement | null>
  /** Resolves once all is written, or was tried for the last time. */
  close(): Promise<void>
}

export function createRecorder(o: {
  /** `null`: nothing is kept. */
  control: ControlConnection | null
  after: Timers['after']
  /** The first failure of each end. */
  onTrouble(cause: unknown): void
}): Recorder {
  const recording = new Set<Promise<unknown>>()
  let closed = false
  let endWaits = () => {}
  const ending = new Promise<void>((resolve) => {
    endWaits = resolve
  })

  const write = async (opId: string, end: End): Promise<Settlement | null> => {
    if (typeof opId !== 'string') {
      throw new GraySyncError('OPTION', `operation id: a text is needed, got ${String(opId)}`)
    }
    for (let ms = RETRY_FIRST_MS; o.control; ms = Math.min(ms * 2, RETRY_LAST_MS)) {
      try {
        return await settle(o.control, opId, end)
      } catch (cause) {
        if (closed) throw cause
        if (ms === RETRY_FIRST_MS) o.onTrouble(cause)
        await Promise.race([ending, new Promise<void>((again) => o.after(ms, again))])
      }
    }
    return null
  }

  return {
    record(opId, end) {
      const written = write(opId, end)
      recording.add(written)
      return written.finally(() => recording.delete(written))
    },
    async close() {
      closed = true
      endWaits()
      await Promise.allSettled(recording)
    },
  }
}
