import { type FollowRequest, follow } from '../../src/flows/follow.js'
import { GraySyncError } from '../../src/model/errors.js'
import type { TableLedger } from '../../src/model/ledger.js'
import type { Source } from '../../src/model/source.js'
import { auditPlatform, memorySource, type Row, type Tables, tablesOf } from './memory.js'
import type { Random } from './random.js'
import { trackedStore } from './tracked.js'

export function memoryLedger(): FollowRequest['ledger'] & { states: Map<string, TableLedger> } {
  const states = new Map<string, TableLedger>()
  return {
    states,
    read: async (table) => structuredClone(states.get(table)),
    write: async (table, state) => void states.set(table, structuredClone(state)),
  }
}

export const rowsOf = (count: number): Row[] =>
  Array.from({ length: count }, (_, id) => ({ id, text: 'a' }))

/** What differs for real, by looking at everything. */
function differing(left: Tables, right: Tables): string[] {
  const keys = new Set([...(left.cards?.keys() ?? []), ...(right.cards?.keys() ?? [])])
  const text = (tables: Tables, key: IDBValidKey) => tables.cards?.get(key)?.text
  return [...keys]
    .filter((key) => text(left, key) !== text(right, key))
    .map(String)
    .sort()
}

export interface Life {
  expected: string[]
  told: string[]
  crashes: number
}

/** A life of two stores: writes that reach one side and then, mostly, the other; crashes anywhere. */
export async function live(random: Random): Promise<Life> {
  const rows = 40
  const late: (() => void)[] = []
  let crashes = 0
  let dead = new AbortController()
  const write = () => {
    const id = random.below(rows + 5)
    const row = random.below(5) === 0 ? null : { text: `t${random.below(3)}` }
    const [first, second] = random.below(2) ? [left, right] : [right, left]
    first.write('cards', id, row)
    // Some never arrive: these are what is to be found.
    if (random.below(8) > 0) late.push(() => second.write('cards', id, row))
  }
  const stir = () => {
    while (late.length > 0 && random.below(3) > 0) late.shift()?.()
    for (let writes = random.below(4); writes > 0; writes--) write()
    if (random.below(60) === 0) dead.abort()
  }
  const o = { onRead: stir, marks: random.below(4) === 0 ? 5 : 1_000 }
  const left = trackedStore('left', tablesOf({ cards: rowsOf(rows) }), o)
  const right = trackedStore('right', tablesOf({ cards: rowsOf(rows) }), o)
  const ledger = memoryLedger()
  const run = (more: Partial<FollowRequest> = {}) =>
    follow({
      platform: auditPlatform(),
      left: left.source,
      right: right.source,
      rules: { tables: { cards: {} } },
      inFlight: () => false,
      settleMs: 1,
      ledger: {
        ...ledger,
        // A dead page writes nothing.
        write: async (table, state) => {
          if (dead.signal.aborted) throw new GraySyncError('ABORTED', 'dead')
          await ledger.write(table, state)
        },
      },
      ...more,
    })
  for (let turn = 0; turn < 6; turn++) {
    await run({ signal: dead.signal }).catch(() => undefined)
    stir()
    if (dead.signal.aborted || random.below(3) === 0) {
      crashes++
      dead = new AbortController()
      left.crash()
      right.crash()
    }
  }
  for (const arrive of late.splice(0)) arrive()
  const quiet = (source: Source, tables: Tables): Source => ({
    ...memorySource(source.name, tables),
    ...(source.changes && { changes: source.changes }),
  })
  dead = new AbortController()
  const report = await run({
    left: quiet(left.source, left.tables),
    right: quiet(right.source, right.tables),
  })
  return {
    expected: differing(left.tables, right.tables),
    told: report.divergences.map(({ key }) => String(key)).sort(),
    crashes,
  }
}
