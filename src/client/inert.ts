import { GraySyncError } from '../model/errors.js'
import type { GraySync, Snapshot } from '../model/handle.js'
import type { Operation } from '../model/operation.js'

const SNAPSHOT: Snapshot = Object.freeze<Snapshot>({
  phase: 'idle',
  decision: null,
  running: null,
  guarantee: { tier: 'none', missing: [] },
  pending: null,
  reload: 'none',
  shadow: null,
})

/** The handle on a server: it decides nothing, keeps nothing, and takes no operation. */
export function createInert<Op extends Operation>(): GraySync<Op> {
  const present = async () => SNAPSHOT
  const refuse = async () => {
    throw new GraySyncError('UNSUPPORTED', 'graysync runs in a browser page, this is a server')
  }
  const nothing = async () => undefined
  return {
    decision: null,
    guarantee: SNAPSHOT.guarantee,
    start: present,
    getSnapshot: () => SNAPSHOT,
    subscribe: () => () => {},
    on: () => () => {},
    enqueue: refuse,
    openOperations: async () => [],
    identify: present,
    prefer: present,
    preflight: async () => ({ ready: false, checks: [], guarantee: SNAPSHOT.guarantee }),
    audit: refuse,
    repair: refuse,
    restore: refuse,
    use: () => {},
    feedback: refuse,
    feedbackEntries: async () => [],
    setConsent: nothing,
    supportFile: refuse,
    forget: nothing,
    close: nothing,
  }
}
