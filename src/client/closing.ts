import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import { withinTime } from '../platform/bound.js'
import type { Opened } from './open.js'

const FLUSH_TIMEOUT_MS = 2_000
/** An engine is given five seconds to stop, or to come up first, and what it proved is written down. */
const END_TIMEOUT_MS = 7_000

/** Lets go of all that is open, whatever hangs: what was said and accepted is written first, and the engine stopped. */
export async function closeAll<Op extends Operation>(
  { core, voice, session, operations }: Opened<Op>,
  life: AbortController,
): Promise<void> {
  const late = () => new GraySyncError('STORE_BLOCKED', 'the last records can’t be written')
  const inTime = (ms: number, ending: Promise<void>) =>
    withinTime(core.platform, ms, ending, late).catch(core.report)
  await inTime(FLUSH_TIMEOUT_MS, voice.flush())
  await inTime(END_TIMEOUT_MS, session.end())
  await inTime(FLUSH_TIMEOUT_MS, operations.close())
  life.abort(new GraySyncError('CLOSED', 'this handle is closed'))
  core.replicas.close()
  core.stores.control?.close()
  core.stores.database?.close()
}
