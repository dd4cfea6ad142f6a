import { append, bit, holds, type Ops, opsOf, setOf, without } from './list.js'
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
    goOnForwarding(turn)
    return
  }
  if (tab.enqueued !== 0 && tab.ahead !== 0) {
    const from = tab.ahead & 1 ? 0 : 1
    const drop = (n: State) => {
      tabOf(n, at).ahead &= ~bit(from)
    }
    if (baseAt(s, from).captured === 0) emit('has nothing to forward from', drop, from)
    else emit('reads what was captured in', (n) => readCaptured(n, at, from), from)
    return
  }
  for (const from of listBases(p)) {
    if (baseAt(s, from).captured === 0) continue
    emit('reads what was captured in', (n) => readCaptured(n, at, from), from)
  }
}

export function readCaptured(n: State, at: number, from: number): void {
  const tab = tabOf(n, at)
  tab.moving = baseAt(n, from).captured
  tab.movingFrom = from
  tab.moved = 0
}

/** Appending and deleting are transactions of two databases; a crash in between repeats the first. */
function goOnForwarding({ p, at, tab, emit }: Turn): void {
  const { moving, movingFrom: from, moved } = tab
  if (moved === 0) {
    emit(
      'forwards from',
      (n) => {
        for (const op of opsOf(moving)) appendOnce(n, p, op, p.layout === 'shared')
        tabOf(n, at).moved = 1
      },
      from,
    )
    return
  }
  emit(
    'deletes what it forwarded from',
    (n) => {
      const base = baseAt(n, from)
      for (const op of opsOf(moving)) base.captured = without(base.captured, op)
      Object.assign(tabOf(n, at), { moving: 0, moved: 0, movingFrom: 0 })
      tabOf(n, at).ahead &= ~bit(from)
    },
    from,
  )
}

function appendOnce(n: State, p: Protocol, op: number, isApplied: boolean): void {
  const { control } = n
  if (holds(control.log, op)) {
    if (p.appendsOnce) return
    // Another row of the same operation, as open as it was the first time.
    control.acked &= ~bit(op)
    return
  }
  control.log = append(control.log, op)
  if (isApplied || (n.fresh & bit(op)) !== 0) control.applied |= bit(op)
}

/** `enqueue`, in any tab: forwards what was captured before, then appends. */
export function enqueue(turn: Turn): void {
  const { p, s, at, tab, risk, emit } = turn
  if (tab.enqueued === 0 && s.left.enqueues > 0) {
    const filled = listBases(p).reduce(
      (set, base) => (baseAt(s, base).captured === 0 ? set : set | bit(base)),
      0,
    )
    risk(
      'begins to enqueue',
      (n) => {
        n.left.enqueues--
        const own = tabOf(n, at)
        own.enqueued = number(p, n)
        own.ahead = p.forwardsFirst ? filled : 0
      },
      s.numbered + 1,
    )
  }
  if (tab.enqueued === 0 || tab.ahead !== 0) return
  const op = tab.enqueued
  emit(
    'appends',
    (n) => {
      appendOnce(n, p, op, false)
      n.accepted |= bit(op)
      if (n.control.owner === NOBODY) n.limbo |= bit(op)
      const own = tabOf(n, at)
      own.enqueued = 0
      const isPumped = p.pumps === 'arrivedFirst' && own.doing === 'writing'
      if (isPumped && own.at > 0) own.due |= bit(op)
    },
    op,
  )
}

export const openOf = ({ control }: State): Ops => setOf(control.log) & ~control.acked
