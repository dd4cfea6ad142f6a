import { toPages } from '../lib/pages.js'
import type { Control, LoggedOperation } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation, Pending } from '../model/operation.js'
import type { ControlConnection, OplogStore } from '../store/control.js'
import { toRow } from './oplog.js'

/**
 * Takes what an engine queued by itself into the op-log, each at the place that it has in the queue: no way back needs
 * help from any engine. Rejects with FENCED where another tab took the handover over: what was read may be sent by now.
 */
export function adopt(
  connection: ControlConnection,
  pending: readonly Pending<Operation>[],
  { at, isMine }: { at: number; isMine?(control: Control): boolean },
): Promise<void> {
  const queued = [...new Map(pending.map((one) => [one.opId, one])).values()]
  return connection.run(async (db) => {
    const tx = db.transaction(['control', 'oplog'], 'readwrite', { durability: 'strict' })
    const control = (await tx.objectStore('control').get('control')) as Control | undefined
    if (control && isMine?.(control) === false) {
      throw new GraySyncError('FENCED', 'another tab took the handover')
    }
    const oplog = tx.objectStore('oplog')
    const numbers = await findNumbers(oplog, queued)
    for (let begin = 0; begin < queued.length; begin++) {
      if (numbers[begin] !== undefined) continue
      const known = numbers.findIndex((seq, index) => index > begin && seq !== undefined)
      const end = known < 0 ? queued.length : known
      const gap = await findGap(oplog, numbers[begin - 1], numbers[end])
      const rows = queued.slice(begin, end).map(({ opId, op, userId }, index) => {
        const row = toRow({ op: { ...op, opId }, userId, at, applied: true }, 0, null, true)
        const share = (index + 1) / (end - begin + 1)
        const place = gap && { seq: gap.above + share * (gap.below - gap.above) }
        return { ...row, ...place } as LoggedOperation
      })
      for (const page of toPages(rows)) await Promise.all(page.map((row) => oplog.add(row)))
      begin = end
    }
    await tx.done
  })
}

async function findNumbers(
  log: OplogStore,
  queued: readonly Pending<Operation>[],
): Promise<(number | undefined)[]> {
  const numbers: (number | undefined)[] = []
  for (const page of toPages(queued)) {
    numbers.push(...(await Promise.all(page.map(({ opId }) => log.index('opId').getKey(opId)))))
  }
  return numbers
}

/** Room for numbers right behind one row or, where there is none, right before another; `null`: at the end. */
async function findGap(
  log: OplogStore,
  behind: number | undefined,
  before: number | undefined,
): Promise<{ above: number; below: number } | null> {
  if (behind !== undefined) {
    const next = await log.getKey(IDBKeyRange.lowerBound(behind, true))
    return { above: behind, below: next ?? behind + 1 }
  }
  // A queue with nothing that came through here is older than all that waits.
  const below = before ?? (await findFirstOpen(log))
  if (below === undefined) return null
  const cursor = await log.openKeyCursor(IDBKeyRange.upperBound(below, true), 'prev')
  return { above: cursor?.key ?? below - 1, below }
}

async function findFirstOpen(log: OplogStore): Promise<number | undefined> {
  const states = ['open', 'quarantine']
  const first = await Promise.all(states.map((state) => log.index('state').getKey(state)))
  return first.filter((seq) => seq !== undefined).sort((a, b) => a - b)[0]
}
