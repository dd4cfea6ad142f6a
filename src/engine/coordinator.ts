import { toPages } from '../lib/pages.js'
import type { Control, HandoverPhase, HandoverState } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { EngineName } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection, StepTransaction } from '../store/control.js'
import { toParts } from './backup.js'
import { withRoom } from './ballast.js'
import { readFresh, stepControl } from './control.js'
import { readState } from './oplog.js'

export interface CoordinatorOptions {
  platform: Platform
  control: ControlConnection
  id: string
  from: EngineName
  to: EngineName
  /** The claim this coordinator steps under. */
  claim: number
  /** Under which this tab began: under another one another tab leads. */
  term: number
  onStep(control: Control): void
}

/** The transitions of one handover. Each is one transaction, and rejects with FENCED where another tab took over. */
export interface Coordinator {
  /** Rejects as a step would, and writes nothing: asked before each write into a store. */
  check(): Promise<void>
  /** Whether a record still has this handover under this claim. */
  isMine(control: Control): boolean
  prepare(): Promise<void>
  fence(): Promise<void>
  saved(detail: Readonly<Record<string, unknown>>): Promise<void>
  imported(detail: Readonly<Record<string, unknown>>): Promise<void>
  commit(): Promise<void>
  finish(): Promise<void>
  /** Back to the owner before; `false` where there was nothing to take back. */
  abort(because: GraySyncError): Promise<boolean>
}

export function createCoordinator(o: CoordinatorOptions): Coordinator {
  const state: HandoverState = {
    id: o.id,
    from: o.from,
    to: o.to,
    startedAt: o.platform.now(),
    finishing: false,
  }
  const write = (
    kind: string,
    detail: Readonly<Record<string, unknown>>,
    next: (control: Control) => Control | null,
  ) => {
    const step = { at: o.platform.now(), kind: `handover.${kind}`, detail }
    let made: string | null = null
    /** Where the answer was lost it is found done: another tab would have taken a term before its step. */
    const once = (control: Control) => {
      if (JSON.stringify(control) === made) return control
      const changed = next(control)
      made = JSON.stringify(changed)
      return changed
    }
    if (kind !== 'committed' && kind !== 'aborted') return stepControl(o.control, step, once)
    const assign = async (tx: StepTransaction, control: Control) => {
      // What waited for an owner has one now.
      const oplog = tx.objectStore('oplog')
      const open = await readState(oplog.index('state'), 'open')
      const others = open.filter(({ assigned }) => assigned !== control.owner)
      for (const page of toPages(others)) {
        await Promise.all(page.map((row) => oplog.put({ ...row, assigned: control.owner })))
      }
      // At once: a page that dies later would leave it for ever, and one that commits in between would have none.
      if (kind === 'aborted') await tx.objectStore('backup').delete(toParts(o.id))
    }
    return withRoom(o.control, () => stepControl(o.control, step, once, assign))
  }
  const insist = async (
    kind: string,
    detail: Readonly<Record<string, unknown>>,
    next: (control: Control) => Control | null,
  ) => {
    const changed = await write(kind, detail, next)
    if (!changed) throw new GraySyncError('FENCED', `another tab took the handover at ${kind}`)
    o.onStep(changed)
  }
  const isMine = (control: Control) => control.claim === o.claim && control.handover?.id === o.id
  const from =
    (phase: HandoverPhase, change: (control: Control) => Control) => (control: Control) =>
      isMine(control) && control.phase === phase ? change(control) : null

  return {
    isMine,
    async check() {
      if (isMine(await readFresh(o.platform, o.control))) return
      throw new GraySyncError('FENCED', 'another tab took the handover')
    },
    prepare: () =>
      insist('preparing', { from: o.from, to: o.to }, (control) =>
        control.phase === 'stable' &&
        control.owner === o.from &&
        !control.handover &&
        control.claim < o.claim &&
        control.term === o.term
          ? { ...control, claim: o.claim, phase: 'preparing', handover: state }
          : null,
      ),
    fence: () =>
      insist(
        'fenced',
        {},
        from('preparing', (control) => ({ ...raise(control), owner: null, phase: 'fenced' })),
      ),
    saved: (detail) =>
      insist(
        'saved',
        detail,
        from('fenced', (control) => ({ ...control, phase: 'saved' })),
      ),
    imported: (detail) =>
      insist(
        'imported',
        detail,
        from('saved', (control) => ({ ...control, phase: 'imported' })),
      ),
    commit: () =>
      insist(
        'committed',
        {},
        from('imported', (control) => ({
          ...raise(control),
          owner: o.to,
          phase: 'stable',
          switched: true,
          handover: { ...state, finishing: true },
        })),
      ),
    finish: () =>
      insist('finished', {}, (control) =>
        control.handover?.id === o.id && control.handover.finishing
          ? { ...control, handover: null }
          : null,
      ),
    async abort(because) {
      const detail = { because: because.code, message: because.message }
      const changed = await write('aborted', detail, (control) =>
        isMine(control) && !control.handover?.finishing
          ? { ...raise(control), owner: o.from, phase: 'stable', handover: null }
          : null,
      )
      return changed !== null
    },
  }
}

/** Both tokens rise at fence, commit and abort: an old one is never valid again. */
function raise(control: Control): Control {
  return { ...control, flip: control.flip + 1, term: control.term + 1 }
}
