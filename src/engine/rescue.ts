import type { Engine, QueueExporter } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Source } from '../model/source.js'
import { withinTime } from '../platform/bound.js'
import type { ControlConnection } from '../store/control.js'
import { pagesOf } from './backup.js'
import type { Coordinator } from './coordinator.js'

/** A broken engine is asked once, and not for long: the user waits. */
const ANSWER_MS = 5_000

/** What a way back that needs no help of the engine it leaves works with. */
export interface Rescue<Op extends Operation> {
  source: Engine<Op>
  target: Engine<Op>
  /** What could not be read, grows while the rescue goes on. */
  unread: string[]
}

export interface RescueOptions<Op extends Operation> {
  platform: Platform
  source: Engine<Op>
  target: Engine<Op>
  coordinator: Pick<Coordinator, 'check'>
}

/**
 * Takes from an engine that may be broken what it gives. Operations are in the op-log anyway. Where its rows can't all be read,
 * those that can are put over the target's own, and the target is handed every open operation anew in place of a staged queue.
 */
export async function rescue<Op extends Operation>(o: RescueOptions<Op>): Promise<Rescue<Op>> {
  const unread: string[] = []
  const source = { ...o.source, ...softenQueue(o, unread) }
  if (!o.target.store) return { source, target: o.target, unread }
  const { data } = source
  if (!data) unread.push('rows')
  const readable = data ? await findReadable(o.platform, data, unread) : []
  if (unread.length === 0) return { source, target: o.target, unread }
  await putOver(o, readable)
  const { data: _, ...withoutRows } = source
  return { source: withoutRows, target: withoutImporter(o.target), unread }
}

/** An exporter that does not fail: what it can't give stays in its queue. */
export function softenQueue<Op extends Operation>(
  { platform, source: { queue } }: Pick<RescueOptions<Op>, 'platform' | 'source'>,
  unread: string[],
): Pick<Engine<Op>, 'queue'> {
  if (!queue?.exporter) return {}
  const { exporter } = queue
  let isRead = false
  const soft: QueueExporter<Op> = {
    async read() {
      try {
        const queued = await inTime(platform, exporter.read())
        isRead = true
        return queued
      } catch {
        unread.push('queue')
        return []
      }
    },
    async seal(handover) {
      // Nothing may be taken out that was not read; what stays is swept up as what comes late.
      if (isRead) await inTime(platform, exporter.seal(handover)).catch(() => undefined)
    },
  }
  return { queue: { ...queue, exporter: soft } }
}

/** The target of a handover that was committed, without the queue that it can't take over: the op-log has all that was staged. */
export async function giveUpStaged<Op extends Operation>({
  id,
  target: { queue, ...target },
  coordinator,
}: {
  id: string
  target: Engine<Op>
  coordinator: Pick<Coordinator, 'check'>
}): Promise<Engine<Op>> {
  const discard = async () => queue?.importer?.discard(id)
  await coordinator
    .check()
    .then(discard, () => undefined)
    .catch(() => undefined)
  return target
}

/** What a way back had to leave behind. */
export function toLoss(unread: readonly string[]): GraySyncError | undefined {
  if (unread.length === 0) return undefined
  const what = `of the engine that was left could not be read: ${unread.join(', ')}`
  const fix = 'its rows are those from before, its operations come from the op-log, backups stay'
  return new GraySyncError('HANDOVER_VERIFY', `${what}; ${fix}`)
}

/** Says of every open operation that its effect is not in the store of whoever owns next. */
export function unapply(connection: ControlConnection): Promise<void> {
  return connection.run(async (db) => {
    const tx = db.transaction('oplog', 'readwrite', { durability: 'strict' })
    // Also of one in quarantine: whoever owns next may know it.
    for (const state of ['open', 'quarantine']) {
      for await (const cursor of tx.store.index('state').iterate(state)) {
        if (cursor.value.applied) await cursor.update({ ...cursor.value, applied: false })
      }
    }
    await tx.done
  })
}

/** The tables that can be read to their end; the others are `unread`. */
async function findReadable(platform: Platform, data: Source, unread: string[]): Promise<string[]> {
  const readable: string[] = []
  try {
    for (const table of data.tables) {
      try {
        for await (const _ of pagesOf(inTimeSource(platform, data), table));
        readable.push(table)
      } catch {
        unread.push(table)
      }
    }
  } catch {
    // A source may know its tables only once its database is open.
    unread.push('rows')
  }
  return readable
}

async function putOver<Op extends Operation>(
  { platform, source: { data }, target: { store }, coordinator }: RescueOptions<Op>,
  readable: readonly string[],
): Promise<void> {
  if (!data || !store) return
  for (const table of readable) {
    for await (const rows of pagesOf(inTimeSource(platform, data), table)) {
      await coordinator.check()
      await store.hydrate(
        table,
        rows.map(({ row }) => row),
      )
    }
  }
}

function withoutImporter<Op extends Operation>(engine: Engine<Op>): Engine<Op> {
  if (!engine.queue) return engine
  const { importer: _, ...queue } = engine.queue
  return { ...engine, queue }
}

function inTimeSource(platform: Platform, data: Source): Source {
  return { ...data, page: (...args) => inTime(platform, data.page(...args)) }
}

function inTime<T>(platform: Platform, work: Promise<T>): Promise<T> {
  const late = () => new GraySyncError('ENGINE_TIMEOUT', 'the engine did not answer in time')
  return withinTime(platform, ANSWER_MS, work, late)
}
