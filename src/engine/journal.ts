import type { JournalEntry } from '../model/engine.js'
import type { ControlConnection } from '../store/control.js'

export interface Journal {
  entries: readonly JournalEntry[]
  /** Sequence numbers that are missing between the first and the last entry. */
  gaps: readonly number[]
}

export function readJournal(connection: ControlConnection): Promise<Journal> {
  return connection.run(async (db) => {
    const entries = await db.getAll('journal')
    return { entries, gaps: findGaps(entries.map((entry) => entry.seq)) }
  })
}

function findGaps(numbers: readonly number[]): number[] {
  const present = new Set(numbers)
  const gaps: number[] = []
  for (let seq = numbers[0] ?? 1; seq < (numbers.at(-1) ?? 0); seq++) {
    if (!present.has(seq)) gaps.push(seq)
  }
  return gaps
}
