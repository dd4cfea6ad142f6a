import type { TableLedger } from '../model/ledger.js'
import type { GraySyncDatabase } from './database.js'
import { toStoreError } from './open.js'

/** Ledgers of tables by name. */
export interface Ledgers {
  read(table: string): Promise<TableLedger | undefined>
  write(table: string, state: TableLedger): Promise<void>
}

/** Opens the ledgers of one comparison; without a database they last as long as the page. */
export function openLedgers(database: GraySyncDatabase | null, comparison: string): Ledgers {
  /** What the disk did not take. */
  const unsaved = new Map<string, TableLedger>()
  const keyOf = (table: string) => `audit:${JSON.stringify([comparison, table])}`
  return {
    async read(table) {
      const known = unsaved.get(table)
      if (known || !database) return known
      const row = await database.get('ledger', keyOf(table)).catch(() => undefined)
      return row && 'table' in row ? row.table : undefined
    },
    async write(table, state) {
      unsaved.set(table, state)
      if (!database) return
      try {
        await database.put('ledger', { key: keyOf(table), table: state })
        unsaved.delete(table)
      } catch (cause) {
        throw toStoreError(cause, 'what the audit knows can’t be kept')
      }
    },
  }
}
