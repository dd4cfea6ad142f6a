import type { Paths } from './coordinator.js'
import type { Protocol } from './rules.js'
import { baseAt, type State, type Tab } from './state.js'

/** One thing that may happen next. */
export interface Move {
  name: string
  /** -1: no tab's doing. */
  tab: number
  /** The operation, or the database by its engine; -1 for none. */
  about: number
  /** Nothing may depend on it: crashes, wishes, users, and what dead and stale tabs left. */
  luck: boolean
}

/** Tells the checker of a move and of what it changes in a copy of the state. */
export type Emit = (move: Move, change: (next: State) => void) => void

/** A tab, at a state, with a protocol: all that a move of a tab needs to know. */
export interface Turn {
  p: Protocol
  paths: Paths
  s: State
  at: number
  tab: Tab
  /** A move of this tab: one of a tab that lost the lock is not to be relied upon. */
  emit(name: string, change: (next: State) => void, about?: number): void
  /** The same, and never to be relied upon. */
  risk(name: string, change: (next: State) => void, about?: number): void
}

export function turnOf(p: Protocol, paths: Paths, s: State, at: number, emit: Emit): Turn {
  const tab = at === 0 ? s.tabs[0] : s.tabs[1]
  const isStale = tab.doing !== 'idle' && tab.lock === 0
  return {
    p,
    paths,
    s,
    at,
    tab,
    emit: (name, change, about = -1) => emit({ name, tab: at, about, luck: isStale }, change),
    risk: (name, change, about = -1) => emit({ name, tab: at, about, luck: true }, change),
  }
}

/** Copies what a tab knows to a replica; `false` where the replica knows more. */
export function raise(n: State, at: number, flip: number, owner: number): boolean {
  const base = baseAt(n, at)
  if (base.flip > flip) return false
  base.flip = flip
  base.owner = owner
  return true
}
