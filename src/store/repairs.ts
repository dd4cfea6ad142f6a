import { GraySyncError } from '../model/errors.js'
import type { RepairPlan, UndoStep } from '../model/repair.js'
import type { GraySyncDatabase } from './database.js'
import { toStoreError } from './open.js'

/** What is kept of one repair: the plan, and what takes each part of it back. */
export interface RepairRecord {
  plan(): Promise<RepairPlan>
  keepPlan(plan: RepairPlan): Promise<void>
  /** In the order in which they were kept. */
  undo(): Promise<readonly UndoStep[]>
  keepUndo(steps: readonly UndoStep[]): Promise<void>
  forgetUndo(): Promise<void>
}

export function openRepair(database: GraySyncDatabase, id: string): RepairRecord {
  const name = `repair:${id}`
  const parts = IDBKeyRange.bound(`${name}:`, `${name}:\uffff`)
  const keep = async (
    row: { key: string } & ({ plan: RepairPlan } | { undo: readonly UndoStep[] }),
  ) => {
    try {
      await database.put('ledger', row)
    } catch (cause) {
      throw toStoreError(cause, 'a repair can’t be kept')
    }
  }
  return {
    async plan() {
      const row = await database.get('ledger', name)
      if (row && 'plan' in row) return row.plan
      throw new GraySyncError('AUDIT', `of: there is no repair "${id}"`)
    },
    keepPlan: (plan) => keep({ key: name, plan }),
    async undo() {
      const rows = await database.getAll('ledger', parts)
      return rows.flatMap((row) => ('undo' in row ? row.undo : []))
    },
    async keepUndo(steps) {
      const at = await database.count('ledger', parts)
      await keep({ key: `${name}:${String(at).padStart(6, '0')}`, undo: steps })
    },
    forgetUndo: () => database.delete('ledger', parts),
  }
}
