import type { LoggedOperation } from '../model/engine.js'
import type { ControlConnection } from '../store/control.js'
import { readNewest, readOpen, readOpenAfter } from './oplog.js'

/** What the tab with the engine has not looked at yet. While nothing was missed, the op-log is not read again. */
export interface Due {
  /**
   * Accepted here, under the term that stands. A gap before it is another tab's, whose hint may come later or never; what is
   * older was known before; and where the term fell the site was cleared, and numbers begin anew.
   */
  note(row: LoggedOperation, term: number): void
  /** Another tab accepted some. */
  grow(): void
  /** Anything may have been missed. */
  miss(): void
  readonly isMissing: boolean
  /** In order of acceptance. */
  read(): Promise<readonly LoggedOperation[]>
}

/** `onAll` hears of all that is open whenever all of it was read. */
export function createDue(
  log: ControlConnection | null,
  onAll: (open: readonly LoggedOperation[]) => void,
): Due {
  const arrived: LoggedOperation[] = []
  /** All up to this number were read, or arrived here. */
  let seen = 0
  /** Of the last that was accepted here. */
  let lastTerm = 0
  let isBehind = false
  let isMissing = true
  return {
    note(row, term) {
      if (term < lastTerm || row.seq <= seen) isMissing = true
      else if (row.seq > seen + 1) isBehind = true
      else {
        seen = row.seq
        arrived.push(row)
      }
      lastTerm = term
    },
    grow() {
      isBehind = true
    },
    miss() {
      isMissing = true
    },
    get isMissing() {
      return isMissing
    },
    async read() {
      const rows = arrived.splice(0)
      if (!log) return rows
      if (isMissing) {
        isMissing = false
        isBehind = false
        seen = await readNewest(log)
        const open = await readOpen(log)
        onAll(open)
        return open
      }
      if (!isBehind) return rows
      isBehind = false
      const later = await readOpenAfter(log, seen)
      seen = Math.max(seen, later.newest)
      return [...rows, ...later.rows]
    },
  }
}
