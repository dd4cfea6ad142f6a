import { pathsOf } from './coordinator.js'
import { work } from './engine.js'
import { bit, has } from './list.js'
import { type Emit, type Turn, turnOf } from './move.js'
import { enqueue, forwardSome, write, writeLate } from './operations.js'
import type { Protocol } from './rules.js'
import { receive } from './server.js'
import { type Doing, die, rest, type State, tabOf, viewOf } from './state.js'

/** Lists every state that may come next. */
export function createMoves(p: Protocol): (s: State, emit: Emit) => void {
  const paths = pathsOf(p)
  return (s, emit) => {
    write(p, s, emit)
    deliverStrays(p, s, emit)
    for (const at of [0, 1]) {
      const turn = turnOf(p, paths, s, at, emit)
      writeLate(turn)
      enqueue(turn)
      forwardSome(turn)
      disturb(turn)
      lead(turn)
      coordinate(turn)
      work(turn)
      deliver(turn)
    }
  }
}

function disturb({ s, at, tab, risk }: Turn): void {
  const other = tabOf(s, 1 - at)
  if (tab.doing === 'idle' && other.lock === 1 && s.left.steals > 0) {
    risk('steals the lock', (n) => {
      n.left.steals--
      tabOf(n, 1 - at).lock = 0
      Object.assign(tabOf(n, at), { doing: 'gained', lock: 1 })
    })
  }
  const isBusy = tab.doing !== 'idle' || tab.moving !== 0 || tab.enqueued !== 0
  if (isBusy && s.left.crashes > 0) {
    risk('crashes', (n) => {
      n.left.crashes--
      die(n, at)
    })
  }
}

/** From the lock to the right to send; and what is desired then. */
function lead({ p, s, at, tab, emit, risk }: Turn): void {
  const { lock } = tab
  // What is under way comes first: what is committed is finished, anything else is taken back.
  const boot = (n: State, doing: Doing) => {
    if (p.termPerWriter) n.control.term++
    const next = n.control.hid === 0 ? doing : 'taking back'
    Object.assign(tabOf(n, at), { doing: next, at: 0, view: viewOf(n) })
  }
  const wish = (n: State) => {
    n.left.handovers--
    boot(n, 'handover')
  }
  if (tab.doing === 'idle' && lock === 0 && tabOf(s, 1 - at).lock === 0) {
    emit('gains the lock', (n) => Object.assign(tabOf(n, at), { doing: 'gained', lock: 1 }))
  }
  if (tab.doing === 'writing' && s.left.handovers > 0) {
    risk('is reloaded to hand over', (n) => {
      die(n, at)
      tabOf(n, at).lock = lock
      wish(n)
    })
  }
  if (tab.doing !== 'gained') return
  emit('boots', (n) => boot(n, 'starting'))
  if (s.left.handovers > 0 && s.control.hid === 0) risk('boots to hand over', wish)
}

function coordinate(turn: Turn): void {
  const { p, paths, s, at, tab, risk } = turn
  if (tab.doing === 'handover') paths.handover[tab.at]?.(turn)
  if (tab.doing === 'taking back') paths.takingBack[tab.at]?.(turn)
  if (tab.doing === 'starting') paths.starting[tab.at]?.(turn)
  if (tab.doing !== 'handover' || tab.at === 0 || s.left.failures === 0) return
  if (tab.at <= paths.commit) {
    risk('fails', (n) => {
      n.left.failures--
      Object.assign(tabOf(n, at), { doing: 'taking back', at: 0 })
    })
    return
  }
  // The new owner runs, and the next boot finishes.
  risk('fails to finish', (n) => {
    n.left.failures--
    if (p.termPerWriter && p.afterFailure === 'boots') n.control.term++
    rest(n, at, { doing: 'starting', lock: tab.lock, view: viewOf(n) })
  })
}

/** Requests arrive in any order, however late. */
function deliver({ p, at, tab, emit }: Turn): void {
  for (const op of [1, 2, 3]) {
    if (!has(tab.wire, op)) continue
    emit(
      'reaches the server with',
      (n) => {
        const own = tabOf(n, at)
        own.wire &= ~bit(op)
        if (receive(p, n, op, own.view.term)) own.answers |= bit(op)
      },
      op,
    )
  }
}

function deliverStrays(p: Protocol, s: State, emit: Emit): void {
  s.strays.forEach((ops, term) => {
    for (const op of [1, 2, 3]) {
      if (!has(ops, op)) continue
      emit(
        { name: `a stray request of term ${term} arrives:`, tab: -1, about: op, luck: true },
        (n) => {
          n.strays[term] = ops & ~bit(op)
          receive(p, n, op, term)
        },
      )
    }
  })
}
