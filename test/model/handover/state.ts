import { bit, type List, listOf, type Ops } from './list.js'
import type { Protocol } from './rules.js'

/** Engines are 0 (legacy) and 1 (refactored). */
export const NOBODY = 2

export type Phase = 'stable' | 'preparing' | 'fenced' | 'saved' | 'imported'
export const PHASES: readonly Phase[] = ['stable', 'preparing', 'fenced', 'saved', 'imported']

/** What one transaction on the control record tells of it. */
export interface View {
  flip: number
  term: number
  claim: number
  owner: number
  phase: Phase
  /** 1: committed, and not finished. */
  finishing: number
  /** The handover under way; 0 for none. */
  hid: number
  from: number
}

/** The control database: the record, the op-log, the backup. */
export interface Control extends View {
  lastHid: number
  /** The op-log in its order; an operation is open until it is acknowledged. */
  log: List
  applied: Ops
  acked: Ops
  backup: Ops
}

/** What a host's database holds for graysync: the replica, and operations captured and not yet forwarded. */
export interface Base {
  flip: number
  owner: number
  captured: List
}

/** What an engine keeps. */
export interface Store {
  queue: List
  inflight: Ops
  /** Known to be acknowledged. */
  done: Ops
  /** Handed out by the last export, and not sealed. */
  exported: Ops
}

export type Doing = 'idle' | 'gained' | 'handover' | 'taking back' | 'starting' | 'writing'
export const DOINGS: readonly Doing[] = [
  'idle',
  'gained',
  'handover',
  'taking back',
  'starting',
  'writing',
]

export interface Tab {
  doing: Doing
  /** How far on its path. */
  at: number
  lock: number
  view: View
  /** What a coordinator carries in memory: the queue as read, the operations to move, the operations to save. */
  queued: List
  movable: List
  open: Ops
  /** Of the running engine's tab: read as due; handed over; sent; on the wire; answered; recorded by half. */
  due: Ops
  handed: Ops
  sent: Ops
  wire: Ops
  answers: Ops
  half: Ops
  /** Pushed, and not yet called applied. */
  pushed: number
  /** Forwarded and not yet deleted, and where. */
  moving: List
  movingFrom: number
  /** Being enqueued, and the databases that have to be forwarded before. */
  enqueued: number
  ahead: Ops
  /** With the guard taken out: the database whose replica was looked at, plus one. */
  looked: number
}

export interface State {
  control: Control
  bases: [Base, Base]
  stores: [Store, Store]
  /** By handover; 0 where all share one place. */
  staged: List[]
  tabs: [Tab, Tab]
  /** By term: requests of tabs that are gone. */
  strays: Ops[]
  /** The server: effects, and the highest term seen. */
  effects: Ops
  highest: number
  /** Operations numbered so far, and of those the accepted ones. */
  numbered: number
  accepted: Ops
  /** Captured, with their rows, under the flip that still stands. */
  fresh: Ops
  /** Accepted while nobody owned the profile. */
  limbo: Ops
  /** By operation: those of the same entity that were accepted before it began. */
  before: Ops[]
  left: Left
  /** What went wrong on the way here; never part of a state that is gone on from. */
  flaw: string
}

export interface Left {
  writes: number
  enqueues: number
  crashes: number
  steals: number
  handovers: number
  failures: number
  retries: number
}

const NO_VIEW: View = {
  flip: 0,
  term: 0,
  claim: 0,
  owner: 0,
  phase: 'stable',
  finishing: 0,
  hid: 0,
  from: 0,
}

const FRESH: Omit<Tab, 'view'> = {
  doing: 'idle',
  at: 0,
  lock: 0,
  queued: 0,
  movable: 0,
  open: 0,
  due: 0,
  handed: 0,
  sent: 0,
  wire: 0,
  answers: 0,
  half: 0,
  pushed: 0,
  moving: 0,
  movingFrom: 0,
  enqueued: 0,
  ahead: 0,
  looked: 0,
}

const newTab = (): Tab => ({ ...FRESH, view: { ...NO_VIEW } })

export function begin(p: Protocol): State {
  const old = Array.from({ length: p.old }, (_, at) => at + 1)
  const base = { flip: 1, owner: 0, captured: 0 }
  const store = { inflight: 0, done: 0, exported: 0 }
  const first = {
    control: {
      ...NO_VIEW,
      flip: 1,
      lastHid: 0,
      log: 0,
      applied: 0,
      acked: 0,
      backup: 0,
    },
    bases: [{ ...base }, { ...base }],
    stores: [
      { ...store, queue: listOf(old) },
      { ...store, queue: 0 },
    ],
    staged: [0, 0, 0, 0],
    tabs: [newTab(), newTab()],
    strays: [],
    effects: 0,
    highest: 0,
    numbered: 0,
    accepted: 0,
    fresh: 0,
    limbo: 0,
    before: [0, 0, 0, 0],
    left: {
      writes: p.writes,
      enqueues: p.enqueues,
      crashes: p.crashes,
      steals: p.steals,
      handovers: p.handovers,
      failures: p.failures,
      retries: p.retries,
    },
    flaw: '',
  } satisfies State
  for (const op of old) first.accepted |= bit(number(p, first, op))
  return first
}

/** Gives the next operation its number, and notes what came before it. */
export function number(p: Protocol, n: State, op = n.numbered + 1): number {
  n.numbered = op
  const sameEntity = Array.from({ length: op - 1 }, (_, at) => at + 1).filter(
    (other) => entityOf(p, other) === entityOf(p, op),
  )
  n.before[op] = sameEntity.reduce((set, other) => set | (n.accepted & bit(other)), 0)
  return op
}

export const entityOf = (p: Protocol, op: number): number => op % p.entities
export const hasReplicas = (p: Protocol): boolean => p.layout !== 'plain'
/** The database that holds the rows of an engine. */
export const baseOf = (p: Protocol, engine: number): number => (p.layout === 'shared' ? 0 : engine)

export const tabOf = (s: State, at: number): Tab => (at === 0 ? s.tabs[0] : s.tabs[1])
export const storeOf = (s: State, engine: number): Store =>
  engine === 0 ? s.stores[0] : s.stores[1]
export const baseAt = (s: State, at: number): Base => (at === 0 ? s.bases[0] : s.bases[1])

export function copy(s: State): State {
  return {
    ...s,
    control: { ...s.control },
    bases: [{ ...s.bases[0] }, { ...s.bases[1] }],
    stores: [{ ...s.stores[0] }, { ...s.stores[1] }],
    staged: s.staged.slice(),
    tabs: [copyTab(s.tabs[0]), copyTab(s.tabs[1])],
    strays: s.strays.slice(),
    before: s.before.slice(),
    left: { ...s.left },
  }
}

const copyTab = (tab: Tab): Tab => ({ ...tab, view: { ...tab.view } })

export function viewOf({ control: c }: State): View {
  return {
    flip: c.flip,
    term: c.term,
    claim: c.claim,
    owner: c.owner,
    phase: c.phase,
    finishing: c.finishing,
    hid: c.hid,
    from: c.from,
  }
}

/** What was sent travels on, without anybody who waits for an answer. */
export function stray(n: State, term: number, ops: Ops): void {
  if (ops === 0) return
  while (n.strays.length <= term) n.strays.push(0)
  n.strays[term] = (n.strays[term] ?? 0) | ops
}

/** Forgets all that a tab did as the leader; the page, and what it accepts and forwards, goes on. */
export function rest(n: State, at: number, next: Partial<Tab> = {}): void {
  const tab = tabOf(n, at)
  stray(n, tab.view.term, tab.wire)
  const { moving, movingFrom, enqueued, ahead, looked } = tab
  n.tabs[at === 0 ? 0 : 1] = {
    ...newTab(),
    moving,
    movingFrom,
    enqueued,
    ahead,
    looked,
    ...next,
  }
}

/** The page is gone; another is opened in its place. */
export function die(n: State, at: number): void {
  rest(n, at)
  n.tabs[at === 0 ? 0 : 1] = newTab()
}
