import { bit, has, type Ops } from './list.js'
import type { Protocol } from './rules.js'
import type { State } from './state.js'

/** A request reaches the server; answers whether the sender learns that it was taken. */
export function receive(p: Protocol, n: State, op: number, term: number): boolean {
  const isKnown = has(n.effects, op)
  const isKeyed = p.server === 'keyed' || p.server === 'ledger'
  if (isKeyed && isKnown) return true
  const isFenced = p.server === 'ledger' || p.server === 'fenced'
  if (isFenced && term < n.highest) return false
  if (isFenced) n.highest = term
  if (p.server === 'insert' && isKnown) n.flaw = 'an operation had two effects'
  if (n.before.some((earlier, later) => has(n.effects, later) && has(earlier, op))) {
    n.flaw = 'an effect came after that of a later operation of its entity'
  }
  n.effects |= bit(op)
  return true
}

/** Requests that no server would act upon any more are forgotten: nobody waits for their answer. */
export function forget(p: Protocol, n: State): void {
  const isKeyed = p.server === 'keyed' || p.server === 'ledger'
  const isFenced = p.server === 'ledger' || p.server === 'fenced'
  const inert = (term: number): Ops => {
    if (isFenced && term < n.highest) return 255
    return isKeyed ? n.effects : 0
  }
  n.strays = n.strays.map((ops, term) => ops & ~inert(term))
  while (n.strays.length > 0 && n.strays.at(-1) === 0) n.strays.pop()
}
