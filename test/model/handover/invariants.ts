import { type Ops, opsOf, setOf } from './list.js'
import { openOf } from './operations.js'
import type { Protocol } from './rules.js'
import { NOBODY, type State } from './state.js'

/** What is wrong with a state, or with how it came about; empty when nothing is. */
export function findFault(p: Protocol, before: State, s: State): string {
  if (s.flaw !== '') return s.flaw
  const { control } = s
  if (fell(before, s)) return 'a token went down'
  if (control.owner !== before.control.owner && !isFlip(before, s)) {
    return 'the owner changed outside of fence, commit and abort'
  }
  if (s.bases[0].owner === 0 && s.bases[1].owner === 1) return 'two databases take writes at once'
  if ((before.control.acked & ~control.acked) !== 0) return 'an acknowledgement was forgotten'
  if ((control.acked & ~s.effects) !== 0) return 'an operation is acknowledged without an effect'
  if (new Set(opsOf(control.log)).size !== opsOf(control.log).length) {
    return 'the op-log holds an operation twice'
  }
  if ((s.accepted & ~storedOf(p, s)) !== 0) return 'an accepted operation is lost'
  return lacksBackup(p, s) ? 'the backup lacks an operation from before the fence' : ''
}

/** All that was accepted had its effect, is known to have had it, and an engine owns the profile. */
export function isSettled(s: State): boolean {
  if (s.control.owner === NOBODY) return false
  if ((s.accepted & ~s.effects) !== 0 || openOf(s) !== 0) return false
  return s.bases.every((base) => base.captured === 0)
}

function fell(before: State, s: State): boolean {
  const [was, is] = [before.control, s.control]
  if (is.flip < was.flip || is.term < was.term || is.claim < was.claim) return true
  return s.bases.some((base, at) => base.flip < (before.bases[at]?.flip ?? 0))
}

/** Both tokens rise with the owner; it goes by the fence, and comes by commit or abort. */
function isFlip({ control: was }: State, { control: is }: State): boolean {
  if (is.flip <= was.flip || is.term <= was.term) return false
  if (is.owner === NOBODY) return was.phase === 'preparing' && is.phase === 'fenced'
  if (was.owner !== NOBODY || is.phase !== 'stable') return false
  return is.owner === was.from || (was.phase === 'imported' && is.finishing === 1)
}

/** Old operations may lie in a queue only; all others are in the op-log or captured. */
function storedOf(p: Protocol, s: State): Ops {
  const [legacy, refactored] = s.stores
  const old = oldOf(p) & (setOf(legacy.queue) | setOf(refactored.queue) | s.effects)
  const captured = setOf(s.bases[0].captured) | setOf(s.bases[1].captured)
  return setOf(s.control.log) | captured | old
}

function lacksBackup(p: Protocol, s: State): boolean {
  const { phase, acked, backup } = s.control
  if (phase !== 'saved' && phase !== 'imported') return false
  const ended = acked | (oldOf(p) & s.effects)
  return (s.accepted & ~s.limbo & ~ended & ~backup) !== 0
}

const oldOf = (p: Protocol): Ops => ((1 << p.old) - 1) << 1
