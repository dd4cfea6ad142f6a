import { has, keep, type List, listOf, type Ops, opsOf, setOf } from './list.js'
import { raise, type Turn } from './move.js'
import { openOf } from './operations.js'
import type { Protocol } from './rules.js'
import {
  baseAt,
  baseOf,
  type Control,
  entityOf,
  hasReplicas,
  NOBODY,
  type Phase,
  rest,
  type State,
  storeOf,
  tabOf,
  viewOf,
} from './state.js'

/** One step on the path of a coordinator: what it may do, and how far that brings it. */
export type Step = (turn: Turn) => void

export interface Paths {
  handover: readonly Step[]
  /** Where the commit stands on it. */
  commit: number
  takingBack: readonly Step[]
  starting: readonly Step[]
}

/** The order of events, as the rules have it. */
export function pathsOf(p: Protocol): Paths {
  const raising = listRaising(p)
  const granting = listGranting(p)
  const exporting = [...(hasReplicas(p) && p.drainsBeforeExport ? [drain] : []), readQueue, gather]
  const before = [
    prepare,
    ...(p.exportsAfterFence ? [] : exporting),
    fence,
    ...(p.raisesBeforeExport ? raising : []),
    ...(p.exportsAfterFence ? exporting : []),
    save,
    ...(p.raisesBeforeExport ? [] : raising),
    stage,
    verify,
    ...(p.grantsAfterCommit ? [] : [grantEarly]),
  ]
  return {
    handover: [...before, commit, ...granting, activate, seal, finish],
    commit: before.length,
    takingBack: [takeBack, discard],
    starting: [...granting, start],
  }
}

function listRaising(p: Protocol): Step[] {
  if (!hasReplicas(p)) return []
  return p.layout === 'shared' ? [lowerSource] : [lowerSource, lowerTarget]
}

function listGranting(p: Protocol): Step[] {
  if (!hasReplicas(p)) return []
  if (p.layout === 'shared') return [grant]
  return p.drainsBeforeGrant ? [close, drainOther, grant] : [close, grant]
}

const advance = (n: State, at: number): void => void tabOf(n, at).at++
const fromOf = ({ tab }: Turn): number => tab.view.from
const toOf = ({ tab }: Turn): number => 1 - tab.view.from

const isMine = ({ s, tab }: Turn): boolean =>
  s.control.claim === tab.view.claim && s.control.hid === tab.view.hid

const takeBackNext = (n: State, at: number): void =>
  void Object.assign(tabOf(n, at), { doing: 'taking back', at: 0 })

/** A transaction on the control record: nobody else may have stepped since. */
function stepControl(
  turn: Turn,
  name: string,
  phase: Phase,
  change: (control: Control, n: State) => void,
): void {
  const { p, s, at, emit } = turn
  const isRight = isMine(turn) && s.control.phase === phase && !s.control.finishing
  if (p.comparesAndSets && !isRight) {
    emit(`${name} too late`, (n) => takeBackNext(n, at))
    return
  }
  emit(name, (n) => {
    change(n.control, n)
    advance(n, at)
    tabOf(n, at).view = viewOf(n)
  })
}

/** Both tokens rise at every change of the owner. */
function rise(n: State, owner: number): void {
  n.control.flip++
  n.control.term++
  n.control.owner = owner
  n.fresh = 0
}

function prepare(turn: Turn): void {
  const { s, at, tab, emit } = turn
  const { control } = s
  const isFree = control.phase === 'stable' && control.hid === 0
  if (!isFree || control.owner !== tab.view.owner || control.claim !== tab.view.claim) {
    emit('prepares too late', (n) => stepBack(n, turn))
    return
  }
  emit('prepares', (n) => {
    const { owner } = n.control
    const hid = n.control.lastHid + 1
    Object.assign(n.control, { lastHid: hid, hid, phase: 'preparing', from: owner })
    n.control.claim++
    advance(n, at)
    tabOf(n, at).view = viewOf(n)
  })
}

function fence(turn: Turn): void {
  stepControl(turn, 'fences', 'preparing', (control, n) => {
    rise(n, NOBODY)
    control.phase = 'fenced'
    n.limbo = 0
  })
}

/** Rights are lowered in the databases after the control record: what is written there from here on waits. */
function lowerSource(turn: Turn): void {
  raiseStep(turn, 'lowers', baseOf(turn.p, fromOf(turn)), NOBODY)
}

/** For the target nothing changes until it is granted: it goes on refusing. */
function lowerTarget(turn: Turn): void {
  const owner = turn.p.limbo === 'source' ? fromOf(turn) : NOBODY
  raiseStep(turn, 'lowers', toOf(turn), owner)
}

function raiseStep({ at, tab, emit }: Turn, name: string, base: number, owner: number): void {
  emit(
    `${name} the replica of`,
    (n) => {
      if (raise(n, base, tab.view.flip, owner)) advance(n, at)
      else rest(n, at)
    },
    base,
  )
}

function drain(turn: Turn): void {
  drainAll(turn, [0, 1])
}

/** Forwarding goes on by itself in every tab: a coordinator waits until nothing is left. */
function drainAll({ s, at, tab, emit }: Turn, bases: readonly number[]): void {
  const isEmpty = bases.every((base) => baseAt(s, base).captured === 0)
  if (isEmpty && tab.moving === 0) emit('has drained', (n) => advance(n, at))
}

function readQueue(turn: Turn): void {
  const { p, at, emit } = turn
  emit('exports the queue', (n) => {
    const store = storeOf(n, fromOf(turn))
    store.exported = setOf(store.queue)
    const { inflight } = store
    tabOf(n, at).queued = keep(store.queue, (op) => p.exportsInflight || !has(inflight, op))
    advance(n, at)
  })
}

/** Takes what only the queue knows into the op-log, and reads what is open. */
function gather(turn: Turn): void {
  const { p, s, at, tab, emit } = turn
  if (p.adoptsUnderClaim && !isMine(turn)) {
    emit('adopts too late', (n) => takeBackNext(n, at))
    return
  }
  emit('reads what is open', (n) => {
    const { control } = n
    control.log = adopt(control.log, openOf(s), tab.queued)
    control.applied |= setOf(control.log) & ~setOf(s.control.log)
    const movable = readMovable(p, n, setOf(tab.queued))
    Object.assign(tabOf(n, at), { queued: 0, movable, open: openOf(n) })
    advance(n, at)
  })
}

/** What is open, without what the source has neither applied nor queued, and all that comes after it. */
function readMovable(p: Protocol, s: State, queued: Ops): List {
  const { log, applied } = s.control
  const open = openOf(s)
  const waiting = new Set<number>()
  return keep(log, (op) => {
    if (!has(open, op)) return false
    if (!has(applied, op) && !has(queued, op)) waiting.add(entityOf(p, op))
    return !waiting.has(entityOf(p, op))
  })
}

/** Each at the place that it has in the queue: behind the one before it there, else before all that waits. */
function adopt(log: List, open: Ops, queued: List): List {
  const rows = opsOf(log)
  opsOf(queued).forEach((op, index, queue) => {
    if (rows.includes(op)) return
    const before = queue[index - 1]
    const first = queue.slice(index).find((other) => rows.includes(other))
    const next = first ?? rows.find((other) => has(open, other))
    const end = next === undefined ? rows.length : rows.indexOf(next)
    rows.splice(before === undefined ? end : rows.indexOf(before) + 1, 0, op)
  })
  return listOf(rows)
}

function save(turn: Turn): void {
  stepControl(turn, 'saves', 'fenced', (control) => {
    control.phase = 'saved'
    control.backup = turn.tab.open
  })
}

/** Staged rows bear the handover's id, which no other coordinator can have: that is the check of the claim. */
function stage({ p, at, tab, emit }: Turn): void {
  emit(`stages [${opsOf(tab.movable).join(' ')}]`, (n) => {
    n.staged[p.stagesByHandover ? tab.view.hid : 0] = tab.movable
    const own = tabOf(n, at)
    own.movable = 0
    own.open = 0
    own.at++
  })
}

function verify(turn: Turn): void {
  stepControl(turn, 'verifies', 'saved', (control) => {
    control.phase = 'imported'
  })
}

/** With the guard taken out: the target takes writes before it owns the profile. */
function grantEarly(turn: Turn): void {
  raiseStep(turn, 'grants', baseOf(turn.p, toOf(turn)), toOf(turn))
}

function commit(turn: Turn): void {
  stepControl(turn, 'commits', 'imported', (control, n) => {
    rise(n, toOf(turn))
    control.phase = 'stable'
    control.finishing = 1
  })
}

/** Rights are granted last: the other database is closed, and what it captured forwarded, before the owner's opens. */
function close(turn: Turn): void {
  const { owner } = turn.tab.view
  raiseStep(turn, 'closes', 1 - owner, owner)
}

function drainOther(turn: Turn): void {
  drainAll(turn, [1 - turn.tab.view.owner])
}

function grant(turn: Turn): void {
  const { owner } = turn.tab.view
  raiseStep(turn, 'grants', baseOf(turn.p, owner), owner)
}

function activate({ p, s, at, tab, emit }: Turn): void {
  const slot = p.stagesByHandover ? tab.view.hid : 0
  emit(`activates [${opsOf(s.staged[slot] ?? 0).join(' ')}]`, (n) => {
    const store = storeOf(n, 1 - tab.view.from)
    const known = p.activatesOnce ? setOf(store.queue) | store.done : 0
    const fresh = opsOf(n.staged[slot] ?? 0).filter((op) => !has(known, op))
    store.queue = listOf([...opsOf(store.queue), ...fresh])
    if (p.activatesOnce) n.staged[slot] = 0
    advance(n, at)
  })
}

function seal(turn: Turn): void {
  const { p, at, emit } = turn
  const from = fromOf(turn)
  emit(
    'seals the queue of',
    (n) => {
      const store = storeOf(n, from)
      const { exported } = store
      if (p.seals) store.queue = keep(store.queue, (op) => !has(exported, op))
      if (p.seals) store.inflight &= setOf(store.queue)
      store.exported = 0
      advance(n, at)
    },
    from,
  )
}

function finish(turn: Turn): void {
  const { s, at, tab, emit } = turn
  const isMine = s.control.hid === tab.view.hid && s.control.finishing === 1
  if (!isMine) {
    emit('finishes too late', (n) => stepBack(n, turn))
    return
  }
  emit('finishes', (n) => {
    n.control.finishing = 0
    n.control.hid = 0
    rest(n, at, { doing: 'gained', lock: tab.lock })
  })
}

/** Back to the owner before; where that comes too late, the commit may have got through. */
function takeBack(turn: Turn): void {
  const { s, at, tab, emit } = turn
  const { control } = s
  const { view } = tab
  const isSame = control.hid === view.hid && view.hid !== 0
  if (isSame && control.finishing === 1) {
    emit('finds it committed', (n) => {
      const isAnother = view.phase === 'stable'
      if (turn.p.restages && isAnother) n.staged[view.hid] = readMovable(turn.p, n, 0)
      rest(n, at, {
        doing: 'handover',
        at: turn.paths.commit + 1,
        lock: tab.lock,
        view: viewOf(n),
      })
    })
    return
  }
  if (!isSame || control.claim !== view.claim) {
    emit('takes back too late', (n) => stepBack(n, turn))
    return
  }
  emit('takes back', (n) => {
    rise(n, view.from)
    n.control.phase = 'stable'
    n.control.hid = 0
    advance(n, at)
  })
}

function discard({ p, at, tab, emit }: Turn): void {
  emit('discards', (n) => {
    n.staged[p.stagesByHandover ? tab.view.hid : 0] = 0
    if (p.afterFailure === 'reads') runOn(n, { at, tab })
    else rest(n, at, { doing: 'gained', lock: tab.lock })
  })
}

/** Another tab took over. */
function stepBack(n: State, { p, at, tab }: Turn): void {
  if (p.afterFailure === 'reads' && n.control.owner !== NOBODY) runOn(n, { at, tab })
  else rest(n, at)
}

/** With the guard taken out: the tab goes on under the term that stands, whosever it is. */
function runOn(n: State, { at, tab }: Pick<Turn, 'at' | 'tab'>): void {
  rest(n, at, { doing: 'starting', lock: tab.lock, view: viewOf(n) })
}

function start({ at, emit }: Turn): void {
  emit('starts the engine', (n) => Object.assign(tabOf(n, at), { doing: 'writing', at: 0 }))
}
