import { append, bit, has, holds, keep, opsOf, setOf, without } from './list.js'
import type { Turn } from './move.js'
import { openOf } from './operations.js'
import type { Protocol } from './rules.js'
import {
  baseAt,
  baseOf,
  entityOf,
  hasReplicas,
  rest,
  type State,
  storeOf,
  stray,
  type Tab,
  tabOf,
  type View,
} from './state.js'

/** A running engine: takes operations from the op-log, sends them, records what the server said. */
export function work(turn: Turn): void {
  const { s, at, tab, emit } = turn
  if (tab.doing !== 'writing') return
  if (s.control.term > tab.view.term) emit('finds its term over', (n) => rest(n, at))
  if (tab.at === 0) meet(turn)
  else hand(turn)
  send(turn)
  record(turn)
}

/** What is in the queue already is not handed over again. */
function meet({ at, emit }: Turn): void {
  emit('reads its queue', (n) => {
    const own = tabOf(n, at)
    own.handed = setOf(storeOf(n, own.view.owner).queue)
    own.at = 1
  })
}

/** The replica still says what it said when this tab's engine was started. */
export function isGranted(p: Protocol, s: State, { flip, owner }: View): boolean {
  if (!hasReplicas(p)) return true
  const base = baseAt(s, baseOf(p, owner))
  return base.flip === flip && base.owner === owner
}

/** From the op-log to the engine's queue: reading, pushing and marking are three transactions. */
function hand({ p, s, at, tab, emit }: Turn): void {
  const { pushed } = tab
  if (pushed !== 0) {
    emit(
      'calls applied',
      (n) => {
        if (has(openOf(n), pushed)) n.control.applied |= bit(pushed)
        tabOf(n, at).pushed = 0
      },
      pushed,
    )
    return
  }
  if (tab.due === 0) {
    const due = openOf(s) & ~tab.handed
    const read = (n: State) => {
      tabOf(n, at).due = due
    }
    if (due !== 0) emit('reads the op-log', read)
    return
  }
  const [op] = opsOf(keep(s.control.log, (one) => has(tab.due, one)))
  if (op === undefined) return
  if (isGranted(p, s, tab.view)) emit('is handed', (n) => push(n, p, at, op), op)
  else emit('is fenced when handed', (n) => rest(n, at), op)
}

function push(n: State, p: Protocol, at: number, op: number): void {
  const tab = tabOf(n, at)
  const store = storeOf(n, tab.view.owner)
  if (p.remembers && has(store.done, op)) n.control.acked |= bit(op)
  else if (!holds(store.queue, op)) store.queue = append(store.queue, op)
  tab.due &= ~bit(op)
  tab.handed |= bit(op)
  tab.pushed = has(n.control.applied, op) ? 0 : op
}

/** The first operation of each entity goes out; those behind it wait for its end. */
function send(turn: Turn): void {
  const { p, s, tab } = turn
  const { view } = tab
  if (s.control.term > view.term || !isGranted(p, s, view)) return
  const heads = new Map<number, number>()
  for (const op of opsOf(storeOf(s, view.owner).queue)) {
    const entity = entityOf(p, op)
    if (!heads.has(entity)) heads.set(entity, op)
  }
  for (const op of heads.values()) {
    const isFree = !p.sendsInTurn || !awaitsOther(p, tab, op)
    if (isFree && !has(tab.half, op)) sendOne(turn, op)
  }
}

/** Another tab may have taken what this one still waits for out of the queue. */
function awaitsOther(p: Protocol, tab: Tab, op: number): boolean {
  const awaited = (tab.wire | tab.answers) & ~bit(op)
  return [1, 2, 3].some((other) => has(awaited, other) && entityOf(p, other) === entityOf(p, op))
}

function sendOne({ s, at, tab, emit, risk }: Turn, op: number): void {
  if (!has(tab.sent, op)) {
    emit('sends', (n) => put(n, tabOf(n, at), op), op)
  } else if (s.left.retries > 0) {
    risk(
      'sends again',
      (n) => {
        n.left.retries--
        const own = tabOf(n, at)
        stray(n, own.view.term, own.wire & bit(op))
        put(n, own, op)
      },
      op,
    )
  }
}

function put(n: State, tab: Tab, op: number): void {
  storeOf(n, tab.view.owner).inflight |= bit(op)
  tab.sent |= bit(op)
  tab.wire |= bit(op)
  tab.answers &= ~bit(op)
}

/** An acknowledgement goes into two databases, one after the other. */
function record({ p, s, at, tab, emit }: Turn): void {
  const log = (n: State, op: number) => {
    const isLate = n.control.term > tab.view.term
    if (isLate && p.lateAcks === 'drop') return
    if (holds(n.control.log, op)) n.control.acked |= bit(op)
  }
  const forget = (n: State, op: number) => {
    const own = tabOf(n, at)
    own.sent &= ~bit(op)
    if (!isGranted(p, n, own.view)) return
    const store = storeOf(n, own.view.owner)
    store.queue = without(store.queue, op)
    store.inflight &= ~bit(op)
    if (p.remembers) store.done |= bit(op)
  }
  const steps = [
    { name: 'tells the op-log of the answer for', change: log },
    { name: 'takes out of its queue', change: forget },
  ]
  const [first, second] = p.acksLogFirst ? steps : steps.reverse()
  for (let op = 1; op <= s.numbered; op++) {
    if (first && has(tab.answers, op)) {
      emit(
        first.name,
        (n) => {
          first.change(n, op)
          const own = tabOf(n, at)
          own.answers &= ~bit(op)
          own.half |= bit(op)
        },
        op,
      )
    }
    if (second && has(tab.half, op)) {
      emit(
        second.name,
        (n) => {
          second.change(n, op)
          tabOf(n, at).half &= ~bit(op)
        },
        op,
      )
    }
  }
}
