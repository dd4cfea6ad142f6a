import { findFault, isSettled } from './invariants.js'
import { createMoves } from './lead.js'
import type { Move } from './move.js'
import { createNumbers, type Numbers } from './numbers.js'
import { pack, unpack } from './packing.js'
import type { Protocol } from './rules.js'
import { forget } from './server.js'
import { begin, copy, type State } from './state.js'

export interface Verdict {
  states: number
  transitions: number
  /** Steps to the farthest state. */
  depth: number
  /** `false`: a fault or the limit came before the end. */
  complete: boolean
  fault: string | null
  /** The shortest way to the fault. */
  trace: readonly string[]
  ms: number
}

interface Graph {
  keys: string[]
  ids: Map<string, number>
  /** From which state each was reached first. */
  parents: Numbers
  /** 1 where everything is settled. */
  settled: Numbers
  /** What each state leads to by moves that may be relied upon, each list closed by -1. */
  edges: Numbers
}

type Follow = (move: Move, to: State) => void

/** Visits every state that a protocol can reach, nearest first, until one is at fault. */
export function check(p: Protocol, limit: number = Number.POSITIVE_INFINITY): Verdict {
  const began = performance.now()
  const graph: Graph = {
    keys: [],
    ids: new Map(),
    parents: createNumbers(),
    settled: createNumbers(),
    edges: createNumbers(),
  }
  const { keys, ids, edges } = graph
  const listNext = createSteps(p)
  let transitions = 0
  let fault = ''
  let faulty = -1
  let depth = 0
  let at = 0

  const enter = (to: State): number => {
    const key = pack(to)
    const known = ids.get(key)
    if (known !== undefined) return known
    const id = keys.length
    ids.set(key, id)
    keys.push(key)
    graph.parents.add(at)
    graph.settled.add(isSettled(to) ? 1 : 0)
    return id
  }

  enter(begin(p))
  let levelEnd = 1
  for (; at < keys.length && fault === '' && keys.length < limit; at++) {
    if (at === levelEnd) {
      depth++
      levelEnd = keys.length
    }
    const state = unpack(keys[at] ?? '')
    listNext(state, (move, to) => {
      if (fault !== '') return
      transitions++
      fault = findFault(p, state, to)
      if (fault !== '') faulty = at
      else {
        const id = enter(to)
        if (!move.luck) edges.add(id)
      }
    })
    edges.add(-1)
  }
  const complete = at === keys.length && fault === ''
  if (complete) {
    faulty = findStuck(graph)
    if (faulty >= 0) fault = 'what was accepted can no longer get through'
  }
  return {
    states: keys.length,
    transitions,
    depth,
    complete,
    fault: fault === '' ? null : fault,
    trace: fault === '' ? [] : retrace(p, graph, faulty),
    ms: performance.now() - began,
  }
}

function createSteps(p: Protocol): (s: State, follow: Follow) => void {
  const listMoves = createMoves(p)
  return (s, follow) =>
    listMoves(s, (move, change) => {
      const next = copy(s)
      change(next)
      forget(p, next)
      follow(move, next)
    })
}

/** The nearest state from which no reliable move leads on to a settled one, or -1. */
function findStuck({ keys, edges, settled }: Graph): number {
  const starts = createNumbers()
  for (let id = 0, cursor = 0; id < keys.length; id++, cursor++) {
    starts.add(cursor)
    while (edges.at(cursor) >= 0) cursor++
  }
  const isOnTheWay = (id: number): boolean => {
    for (let cursor = starts.at(id); edges.at(cursor) >= 0; cursor++) {
      if (settled.at(edges.at(cursor)) === 1) return true
    }
    return false
  }
  for (let changed = true; changed; ) {
    changed = false
    for (let id = keys.length - 1; id >= 0; id--) {
      if (settled.at(id) === 1 || !isOnTheWay(id)) continue
      settled.set(id, 1)
      changed = true
    }
  }
  for (let id = 0; id < keys.length; id++) if (settled.at(id) === 0) return id
  return -1
}

/** Walks the way again, since moves are not kept, and to the fault where one more step leads there. */
function retrace(p: Protocol, { ids, parents }: Graph, end: number): string[] {
  const path: number[] = []
  for (let id = end; id > 0; id = parents.at(id)) path.unshift(id)
  const listNext = createSteps(p)
  const trace: string[] = []
  let state = begin(p)
  const go = (isWanted: (to: State) => boolean): void => {
    const taken: State[] = []
    listNext(state, (move, to) => {
      if (taken.length > 0 || !isWanted(to)) return
      taken.push(to)
      trace.push(describe(move))
    })
    state = taken[0] ?? state
  }
  for (const id of path) go((to) => ids.get(pack(to)) === id)
  const from = state
  go((to) => findFault(p, from, to) !== '')
  return trace
}

function describe({ name, tab, about }: Move): string {
  const who = tab < 0 ? '' : `tab ${'AB'[tab]} `
  return `${who}${name}${about < 0 ? '' : ` ${about}`}`
}
