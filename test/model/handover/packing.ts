import { DOINGS, PHASES, type State, type Tab, type View } from './state.js'

const phaseAt = new Map<string, number>(PHASES.map((phase, at) => [phase, at]))
const doingAt = new Map<string, number>(DOINGS.map((doing, at) => [doing, at]))

/** One text for all states that differ only in which tab is called the first. */
export function pack(s: State): string {
  const { control: c, bases, stores, left } = s
  const out = [c.lastHid, c.log, c.applied, c.acked, c.backup]
  putView(out, c)
  for (const base of bases) out.push(base.flip, base.owner, base.captured)
  for (const store of stores) out.push(store.queue, store.inflight, store.done, store.exported)
  out.push(...s.staged, ...s.before)
  out.push(s.effects, s.highest, s.numbered, s.accepted, s.fresh, s.limbo)
  out.push(left.writes, left.enqueues, left.crashes, left.steals)
  out.push(left.handovers, left.failures, left.retries)
  out.push(s.strays.length)
  for (let term = 0; term < s.strays.length; term++) out.push(s.strays[term] ?? 0)
  const [a, b] = [packTab(s.tabs[0]), packTab(s.tabs[1])]
  return String.fromCharCode(...out) + (a < b ? a + b : b + a)
}

function putView(out: number[], v: View): void {
  out.push(v.flip, v.term, v.claim, v.owner, phaseAt.get(v.phase) ?? 0, v.finishing, v.hid, v.from)
}

function packTab(t: Tab): string {
  const out = [doingAt.get(t.doing) ?? 0, t.at, t.lock, t.queued, t.movable, t.open]
  out.push(t.due, t.handed, t.sent, t.wire, t.answers, t.half, t.pushed)
  out.push(t.moving, t.movingFrom, t.enqueued, t.ahead, t.looked)
  putView(out, t.view)
  return String.fromCharCode(...out)
}

/** Reads a packed state back. */
export function unpack(text: string): State {
  let at = 0
  const next = () => text.charCodeAt(at++)
  const view = (): View => ({
    flip: next(),
    term: next(),
    claim: next(),
    owner: next(),
    phase: PHASES[next()] ?? 'stable',
    finishing: next(),
    hid: next(),
    from: next(),
  })
  const base = () => ({ flip: next(), owner: next(), captured: next() })
  const store = () => ({ queue: next(), inflight: next(), done: next(), exported: next() })
  const four = () => [next(), next(), next(), next()]
  const tab = (): Tab => ({
    doing: DOINGS[next()] ?? 'idle',
    at: next(),
    lock: next(),
    queued: next(),
    movable: next(),
    open: next(),
    due: next(),
    handed: next(),
    sent: next(),
    wire: next(),
    answers: next(),
    half: next(),
    pushed: next(),
    moving: next(),
    movingFrom: next(),
    enqueued: next(),
    ahead: next(),
    looked: next(),
    view: view(),
  })
  return {
    control: {
      lastHid: next(),
      log: next(),
      applied: next(),
      acked: next(),
      backup: next(),
      ...view(),
    },
    bases: [base(), base()],
    stores: [store(), store()],
    staged: four(),
    before: four(),
    effects: next(),
    highest: next(),
    numbered: next(),
    accepted: next(),
    fresh: next(),
    limbo: next(),
    left: {
      writes: next(),
      enqueues: next(),
      crashes: next(),
      steals: next(),
      handovers: next(),
      failures: next(),
      retries: next(),
    },
    strays: Array.from({ length: next() }, next),
    tabs: [tab(), tab()],
    flaw: '',
  }
}
