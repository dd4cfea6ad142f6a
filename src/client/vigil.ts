import { readControl } from '../engine/control.js'
import { hasOpen } from '../engine/oplog.js'
import { GraySyncError } from '../model/errors.js'
import type { Operation } from '../model/operation.js'
import { withinTime } from '../platform/bound.js'
import { type ControlConnection, readFact, writeFact } from '../store/control.js'
import type { Core } from './core.js'
import { later } from './later.js'

const EVERY_MS = 5_000
/** So many questions in a row without an answer, and who leads is taken to do nothing. */
const PATIENCE = 3

export interface VigilOptions {
  /** This tab stands in line. */
  isWaiting(): boolean
  /** Takes the lease from a tab that does nothing with it. */
  steal(): void
}

/**
 * Watches who leads from the line. While work waits it asks, and looks for the answer in the store: a frozen page can still
 * hear a message, but writes nothing. Looks are counted and no time is measured, so that a device that slept accuses nobody.
 */
export function keepVigil<Op extends Operation>(core: Core<Op>, o: VigilOptions): void {
  const { platform } = core
  const { control } = core.stores
  let seen = ''
  let unanswered = 0

  const look = async () => {
    // Asking for the locks alone frees one that Chromium leaves with a page that is kept.
    await platform.locks()
    if (!control || !platform.channel || !o.isWaiting()) return
    const { mark, waits } = await readMark(control)
    const isAnswered = mark !== seen || !waits
    seen = mark
    unanswered = isAnswered ? 0 : unanswered + 1
    // On a full disk nobody can answer: a tab that can't write either accuses nobody.
    if (unanswered === PATIENCE) {
      await writeFact(control, 'accused', mark).catch(() => {
        unanswered = 0
      })
    }
    if (!o.isWaiting()) return
    if (unanswered === PATIENCE) return o.steal()
    if (waits) core.tell({ kind: 'ask' })
  }

  const late = () => new GraySyncError('STORE_BLOCKED', 'the store does not answer')
  const tick = async () => {
    // What can't be read now accuses nobody.
    await withinTime(platform, EVERY_MS, look(), late).catch(() => undefined)
    if (o.isWaiting()) wait()
  }
  const wait = () => later(core, EVERY_MS, () => void tick())
  if (o.isWaiting()) wait()
}

/** Changes with everything that a tab which leads does; and whether there is anything for it to do. */
async function readMark(control: ControlConnection): Promise<{ mark: string; waits: boolean }> {
  const { term, claim, phase, handover } = await readControl(control)
  const pulse = await readFact<string>(control, 'pulse')
  const waits = handover !== null || (await hasOpen(control))
  return { mark: [term, claim, phase, pulse].join(), waits }
}
