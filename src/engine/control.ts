import type { Control } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import type { ControlConnection, StepTransaction } from '../store/control.js'

/** What this build reads: a record that asks for more is a newer build's. */
export const READER = 1

/** No other tab takes over and fills a store in less. */
const FRESH_MS = 500

const FIRST: Control = {
  key: 'control',
  minReader: READER,
  flip: 1,
  term: 0,
  claim: 0,
  owner: 'legacy',
  phase: 'stable',
  handover: null,
  switched: false,
}

export interface Step {
  /** Epoch ms. */
  at: number
  /** Of the journal entry that goes into the same transaction. */
  kind: string
  detail?: Readonly<Record<string, unknown>>
}

function isControl(row: unknown): row is Control {
  return typeof row === 'object' && row !== null && 'flip' in row
}

function toControl(row: unknown): Control {
  const control = isControl(row) ? row : FIRST
  if (control.minReader > READER) {
    throw new GraySyncError(
      'NEWER_STATE',
      `the control record asks for reader ${control.minReader}, this build is ${READER}: update the app`,
    )
  }
  return control
}

export function readControl(connection: ControlConnection): Promise<Control> {
  return connection.run(async (db) => toControl(await db.get('control', 'control')))
}

/** The record as it is now: asked again where the answer came so late that the page may have stood still, and another tab led. */
export async function readFresh(
  platform: Pick<Platform, 'monotonic'>,
  connection: ControlConnection,
): Promise<Control> {
  for (let tries = 0; tries < 5; tries++) {
    const asked = platform.monotonic()
    const control = await readControl(connection)
    if (platform.monotonic() - asked < FRESH_MS) return control
  }
  throw new GraySyncError('STORE_BLOCKED', 'the control record is read too slowly')
}

/**
 * Changes the control record by compare-and-set, with its journal entry in the same transaction.
 * `next` answers `null` where the record is no longer what the caller thinks: then nothing is written.
 */
export function stepControl(
  connection: ControlConnection,
  step: Step,
  next: (control: Control) => Control | null,
  also?: (tx: StepTransaction, control: Control) => Promise<void>,
): Promise<Control | null> {
  return connection.run(async (db) => {
    const tx = db.transaction(['control', 'journal', 'oplog', 'backup'], 'readwrite', {
      durability: 'strict',
    })
    const before = toControl(await tx.objectStore('control').get('control'))
    const changed = next(before)
    if (!changed) {
      tx.abort()
      await tx.done.catch(() => undefined)
      return null
    }
    await tx.objectStore('control').put(changed)
    const entry = {
      at: step.at,
      kind: step.kind,
      handover: changed.handover?.id ?? before.handover?.id ?? null,
      flip: changed.flip,
      term: changed.term,
      detail: step.detail ?? {},
    }
    await tx.objectStore('journal').add(entry as typeof entry & { seq: number })
    await also?.(tx, changed)
    tx.commit()
    await tx.done
    return changed
  })
}
