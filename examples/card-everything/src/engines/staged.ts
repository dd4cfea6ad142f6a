import type { Table } from 'dexie'
import type { Pending } from 'graysync'
import type { CardOp } from '../data/model.js'

/** An operation that waits for the handover to this engine. */
export interface Staged {
  handover: string
  position: number
  opId: string
  op: CardOp
  userId: string | null
}

export type StagedTable = Table<Staged, [string, number]>

/** So many rows are read or written in one go: the page is to answer in between. */
const PAGE = 200

export function* toPages<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < rows.length; at += PAGE) yield rows.slice(at, at + PAGE)
}

/** Puts them in place of what the handover staged before, and answers the ids that are there now. */
export async function stage(
  staged: StagedTable,
  ops: readonly Pending<CardOp>[],
  handover: string,
): Promise<string[]> {
  await staged.db.transaction('rw', staged, async () => {
    await discardStaged(staged, handover)
    const rows = ops.map(({ opId, op, userId }, position) => ({
      handover,
      position,
      opId,
      op,
      userId,
    }))
    for (const page of toPages(rows)) await staged.bulkPut(page)
  })
  return (await readStaged(staged, handover)).map(({ opId }) => opId)
}

/** What a handover has staged, in order. */
export async function readStaged(staged: StagedTable, handover: string): Promise<Staged[]> {
  const rows: Staged[] = []
  for (;;) {
    const next = rows.length + PAGE
    const range = staged
      .where('[handover+position]')
      .between([handover, rows.length], [handover, next])
    const page = await range.toArray()
    rows.push(...page)
    if (page.length < PAGE) return rows
  }
}

export async function discardStaged(staged: StagedTable, handover: string): Promise<void> {
  await staged.where('handover').equals(handover).delete()
}
