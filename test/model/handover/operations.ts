import { append, bit, has, holds, keep, type Ops, opsOf, setOf } from './list.js'
import type { Emit, Turn } from './move.js'
import type { Protocol } from './rules.js'
import { baseAt, hasReplicas, NOBODY, number, type State, tabOf } from './state.js'

/** A user writes to the database of an engine: the row and the captured operation are one transaction. */
export function write(p: Protocol, s: State, emit: Emit): void {
  if (!p.checksInside || s.left.writes === 0) return
  for (const at of listBases(p)) {
    if (!takesWrites(p, s, at)) continue
    emit({ name: 'a user writes to', tab: -1, about: at, luck: true }, (n) => capture(n, p, at))
  }
}

/** With the guard taken out: one transaction looks at the replica, another writes. */
export function writeLate({ p, s, at, tab, risk }: Turn): void {
  if (p.checksInside) return
  for (const base of listBases(p)) {
    if (tab.looked === 0 && s.left.writes > 0 && takesWrites(p, s, base)) {
      const look = (n: State) => {
        tabOf(n, at).looked = base + 1
      }
      risk('looks at the replica of', look, base)
    }
    if (tab.looked !== base + 1) continue
    const late = (n: State) => {
      tabOf(n, at).looked = 0
      if (n.left.writes > 0) capture(n, p, base)
    }
    risk('writes for a user to', late, base)
  }
}

function listBases(p: Protocol): readonly number[] {
  if (!hasReplicas(p)) return []
  return p.layout === 'shared' ? [0] : [0, 1]
}

function takesWrites(p: Protocol, s: State, at: number): boolean {
  const { owner } = baseAt(s, at)
  return p.layout === 'shared' || owner === at || owner === NOBODY
}

function capture(n: State, p: Protocol, at: number): void {
  const base = baseAt(n, at)
  const op = number(p, n)
  n.left.writes--
  n.accepted |= bit(op)
  base.captured = append(base.captured, op)
  if (base.owner === NOBODY) n.limbo |= bit(op)
  else if (base.flip === n.control.flip) n.fresh |= bit(op)
}

/** Operations of which a database holds some that the op-log may not know. */
export function forwardSome(turn: Turn): void {
  const { p, s, at, tab, emit } = turn
  if (tab.moving !== 0) {
    emit('deletes what it forwarded from', (n) => deleteForwarded(n, at), tab.movingFrom)
    return
  }
  for (const from of listBases(p)) {
    // What an `enqueue` waits for comes first.
    const isMeant = tab.ahead === 0 || has(tab.ahead, from)
    if (isMeant && baseAt(s, from).captured !== 0) forward(turn, from)
  }
}

/**
 * Reading and appending are one step here: the op-log knows each id, so that a late append adds nothing.
 * Deleting is a transaction of another database; a crash in between repeats the append.
 */
function forward({ p, at, emit }: Turn, from: number): void {
  emit(
    'forwards from',
    (n) => {
      const { captured } = baseAt(n, from)
      for (const op of opsOf(captured)) appendOnce(n, p, op, p.layout === 'shared')
      Object.assign(tabOf(n, at), { moving: captured, movingFrom: from })
    },
    from,
  )
}

function deleteForwarded(n: State, at: number): void {
  const tab = tabOf(n, at)
  const base = baseAt(n, tab.movingFrom)
  const moved = setOf(tab.moving)
  base.captured = keep(base.captured, (op) => !has(moved, op))
  // An operation that is being enqueued comes behind all that was captured before: also what came since the reading.
  if (base.captured === 0) tab.ahead &= ~bit(tab.movingFrom)
  tab.moving = 0
  tab.movingFrom = 0
}

function appendOnce(n: State, p: Protocol, op: number, isApplied: boolean): void {
  const { control } = n
  if (holds(control.log, op)) {
    // With the guard taken out: another row of the same operation, as open as it was the first time.
    if (!p.appendsOnce) control.acked &= ~bit(op)
    return
  }
  control.log = append(control.log, op)
  if (isApplied || has(n.fresh, op)) control.applied |= bit(op)
}

/** `enqueue`: forwards what was captured before, then appends; where nothing was, that is one step. */
export function enqueue({ p, s, at, tab, risk, emit }: Turn): void {
  const { enqueued } = tab
  if (enqueued !== 0) {
    const isFree = listBases(p).every(
      (base) => !has(tab.ahead, base) || baseAt(s, base).captured === 0,
    )
    if (isFree && tab.moving === 0) emit('appends', (n) => accept(n, p, at, enqueued), enqueued)
    return
  }
  if (s.left.enqueues === 0) return
  const filled = listBases(p).filter((base) => baseAt(s, base).captured !== 0)
  // Where it is one step it is the same in each tab.
  if (filled.length === 0 && p.pumps === 'inOrder' && at > 0) return
  const begin = (n: State) => {
    n.left.enqueues--
    const op = number(p, n)
    if (filled.length === 0 || !p.forwardsFirst) accept(n, p, at, op)
    else
      Object.assign(tabOf(n, at), {
        enqueued: op,
        ahead: filled.reduce((set, base) => set | bit(base), 0),
      })
  }
  risk('enqueues', begin, s.numbered + 1)
}

function accept(n: State, p: Protocol, at: number, op: number): void {
  appendOnce(n, p, op, false)
  n.accepted |= bit(op)
  if (n.control.owner === NOBODY) n.limbo |= bit(op)
  const tab = tabOf(n, at)
  tab.enqueued = 0
  tab.ahead = 0
  const isPumped = p.pumps === 'arrivedFirst' && tab.doing === 'writing' && tab.at > 0
  if (isPumped) tab.due |= bit(op)
}

export const openOf = ({ control }: State): Ops => setOf(control.log) & ~control.acked
