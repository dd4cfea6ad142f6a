import { keyText } from '../lib/keys.js'
import type { LedgerEntry, TableLedger } from '../model/ledger.js'
import type { DivergenceKind } from '../model/source.js'

/** More rows than this are counted, and walked through again. */
const MOST_ENTRIES = 500

/** What is known of the rows of one table that differ, or may: outlives the page. */
export interface Ledger {
  readonly entries: ReadonlyMap<string, LedgerEntry>
  /** A row that differed, or could not be judged, at one look. */
  suspect(key: IDBValidKey, held: string): void
  /** A row whose difference stood. */
  confirm(key: IDBValidKey, kind: DivergenceKind, held: string): void
  /** A row that is equal. */
  end(key: IDBValidKey): void
  /** A walk through all rows has to be made from the first row on. */
  owe(): void
  /** Goes on with the walk that is under way, or begins one. */
  begin(): { after: IDBValidKey | undefined; counts: TableLedger['walk'] }
  /** The walk went so far. */
  walked(cursor: IDBValidKey, counts: TableLedger['walk']): void
  completed(at: number, counts: TableLedger['walk']): void
  read(): TableLedger
}

const NO_COUNTS: TableLedger['walk'] = { equal: 0, defaults: 0 }

/** Goes on with what is stored; other rules than those that judged then make all of it void but the list of rows. */
export function openLedger(stored: TableLedger | undefined, rules: string): Ledger {
  const known = stored?.rules === rules
  const table: TableLedger = stored ?? {
    rules,
    cursor: null,
    owed: true,
    completedAt: null,
    walk: NO_COUNTS,
    entries: [],
    beyond: 0,
    ended: { resolved: 0, ignored: 0, repaired: 0 },
  }
  const entries = new Map(table.entries.map((entry) => [keyText(entry.key), entry]))
  const ended = { ...table.ended }
  let { cursor, owed, completedAt, walk, beyond } = table
  const owe = () => {
    cursor = null
    owed = true
  }
  if (!known) {
    completedAt = null
    owe()
  }

  const put = (entry: LedgerEntry) => {
    const text = keyText(entry.key)
    if (entries.has(text) || entries.size < MOST_ENTRIES) entries.set(text, entry)
    else beyond++
  }
  return {
    entries,
    suspect(key, held) {
      const before = entries.get(keyText(key))
      // What is confirmed stays so until it is seen equal, whatever else it holds by now.
      const { state = 'suspect', kind = null, repaired = false } = before ?? {}
      put({ key, state, kind, held, repaired })
    },
    confirm: (key, kind, held) => put({ key, state: 'confirmed', kind, held, repaired: false }),
    end(key) {
      const entry = entries.get(keyText(key))
      if (!entry) return
      entries.delete(keyText(key))
      if (entry.state === 'suspect') return
      if (entry.repaired) ended.repaired++
      else if (known) ended.resolved++
      else ended.ignored++
    },
    owe,
    begin() {
      if (cursor === null) {
        walk = NO_COUNTS
        beyond = 0
      }
      return { after: cursor ?? undefined, counts: { ...walk } }
    },
    walked(at, counts) {
      cursor = at
      owed = true
      walk = counts
    },
    completed(at, counts) {
      completedAt = at
      walk = counts
      cursor = null
      owed = false
    },
    read: () => ({
      rules,
      cursor,
      // Rows without an entry are found by another walk only.
      owed: owed || beyond > 0,
      completedAt,
      walk,
      entries: [...entries.values()],
      beyond,
      ended,
    }),
  }
}
