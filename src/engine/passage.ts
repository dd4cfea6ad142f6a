import type { Engine } from '../model/engine.js'
import type { ErrorCode } from '../model/errors.js'
import type { Operation } from '../model/operation.js'

/** How the pending work can get from one engine to the other, or what is in the way. */
export type Passage =
  | { way: 'move' }
  /** Both queues are provably empty: there is nothing to move. */
  | { way: 'empty' }
  /** Nobody used this app before on this profile. */
  | { way: 'fresh' }
  | { way: 'closed'; by: ErrorCode; fix: string }

export interface Crossing<Op extends Operation> {
  from: Engine<Op>
  to: Engine<Op>
  /** `from` may be broken: it is asked for nothing that the op-log does not hold. */
  rescues: boolean
  /** This profile holds nothing yet. */
  pristine: boolean
  /** One answered request to the server; `false` when it did not answer. */
  roundTrip(): Promise<boolean>
}

export async function findPassage<Op extends Operation>(o: Crossing<Op>): Promise<Passage> {
  if (o.pristine) return { way: 'fresh' }
  const { from, to } = o
  if (o.rescues && to.queue?.importer) return { way: 'move' }
  if (to.store && !(from.data && to.data)) {
    return closed('NO_QUEUE', 'an engine with a store of its own needs `data` on both engines')
  }
  if (from.queue?.exporter && to.queue?.importer) return { way: 'move' }
  if (!from.queue || !to.queue) {
    return closed('NO_QUEUE', 'give both engines a `queue`, with an exporter and an importer')
  }
  const before = await readSizes(from, to)
  if (before === null) return closed('NO_QUEUE', 'let `queue.size` answer `seq` on both engines')
  if (before.busy) return closed('QUEUE_NOT_EMPTY', 'the queue drains first, or give an exporter')
  if (!(await o.roundTrip())) return closed('NETWORK', 'go online: emptiness needs a round trip')
  const after = await readSizes(from, to)
  return after && !after.busy && after.seq === before.seq
    ? { way: 'empty' }
    : closed('QUEUE_NOT_EMPTY', 'the queue drains first, or give an exporter')
}

function closed(by: ErrorCode, fix: string): Passage {
  return { way: 'closed', by, fix }
}

async function readSizes<Op extends Operation>(
  from: Engine<Op>,
  to: Engine<Op>,
): Promise<{ busy: boolean; seq: string } | null> {
  const asking = [from, to].map(async ({ queue }) => queue?.size())
  const [left, right] = await Promise.all(asking).catch(() => [])
  if (left?.seq === undefined || right?.seq === undefined) return null
  const busy = [left, right].some(({ count, inflight = 0 }) => count !== 0 || inflight !== 0)
  return { busy, seq: `${left.seq}/${right.seq}` }
}
