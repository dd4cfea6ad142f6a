import type { Engine, EngineContext } from '../model/engine.js'
import type { Identified, Operation, Pending } from '../model/operation.js'
import type { SourceRow } from '../model/source.js'

/** An operation whose payload is one row. */
export interface RowOperation extends Operation {
  row?: Readonly<Record<string, unknown>>
}

/** What a fake engine keeps at rest, as a disk would: shared by all tabs of a world. */
export interface FakeDisk {
  rows: Map<string, Map<string, Record<string, unknown>>>
  queue: Pending<RowOperation>[]
  staged: Map<string, Pending<RowOperation>[]>
  /** Operations ever queued. */
  seq: number
}

export interface FakeEngine extends Engine<RowOperation> {
  readonly disk: FakeDisk
  /** Every `start`, newest last. */
  readonly starts: EngineContext[]
  /** Acknowledges what is queued, as a server would. */
  acknowledge(): void
}

/**
 * Makes an engine with a store and a queue of its own in memory; it sends nothing until `acknowledge`.
 * Spread it and replace members to make it less able.
 *
 * @example
 * const legacy = createFakeEngine(['cards'])
 * const { queue, ...cannotSayWhatIsPending } = createFakeEngine(['cards'])
 */
export function createFakeEngine(tables: readonly string[], version = '1'): FakeEngine {
  const disk: FakeDisk = { rows: new Map(), queue: [], staged: new Map(), seq: 0 }
  const starts: EngineContext[] = []
  let handedOut = new Set<Pending<RowOperation>>()
  const tableOf = (name: string) => {
    const table = disk.rows.get(name) ?? new Map<string, Record<string, unknown>>()
    disk.rows.set(name, table)
    return table
  }
  const apply = async (op: Identified<RowOperation>) => {
    if (op.kind === 'delete') tableOf(op.entity).delete(op.entityId)
    else tableOf(op.entity).set(op.entityId, { ...op.row, id: op.entityId })
  }
  const toRow = ([key, row]: [string, Record<string, unknown>]): SourceRow => ({ key, row })
  const sorted = (name: string) =>
    [...tableOf(name)].sort(([a], [b]) => (a < b ? -1 : 1)).map(toRow)

  return {
    version,
    disk,
    starts,
    replay: 'keyed',
    start(ctx) {
      starts.push(ctx)
      return {
        async push(op, { applied }) {
          if (disk.queue.some((pending) => pending.opId === op.opId)) return
          if (!applied) await apply(op)
          disk.seq++
          disk.queue.push({ opId: op.opId, op, userId: null, state: 'open' })
        },
        stop: () => ({ clean: true, inflight: [] }),
      }
    },
    queue: {
      size: () => ({ count: disk.queue.length, inflight: 0, seq: disk.seq }),
      exporter: {
        async read() {
          handedOut = new Set(disk.queue)
          return [...disk.queue]
        },
        async seal() {
          disk.queue = disk.queue.filter((pending) => !handedOut.has(pending))
        },
      },
      importer: {
        async stage(ops, handover) {
          disk.staged.set(handover, [...ops])
          return ops.map((op) => op.opId)
        },
        async activate(handover) {
          const known = new Set(disk.queue.map((pending) => pending.opId))
          const staged = disk.staged.get(handover) ?? []
          disk.queue.push(...staged.filter((pending) => !known.has(pending.opId)))
          disk.staged.delete(handover)
        },
        discard: async (handover) => void disk.staged.delete(handover),
      },
    },
    data: {
      name: `fake ${version}`,
      tables,
      page: async (table, after, limit) =>
        sorted(table)
          .filter(({ key }) => after === undefined || key > after)
          .slice(0, limit),
      get: async (table, keys) => sorted(table).filter(({ key }) => keys.includes(key)),
    },
    store: {
      async hydrate(table, rows) {
        for (const row of rows as Record<string, unknown>[]) tableOf(table).set(String(row.id), row)
      },
      apply,
      clear: async () => disk.rows.clear(),
    },
    acknowledge() {
      const ctx = starts.at(-1)
      for (const { opId } of disk.queue.splice(0)) ctx?.ack(opId)
    },
  }
}
