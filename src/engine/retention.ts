import { FIRST_PAGE, FULL_PAGE, nextPage, toPages } from '../lib/pages.js'
import type { Control, LoggedOperation } from '../model/engine.js'
import type { Operation, Pending } from '../model/operation.js'
import { type ControlConnection, changeFact, readFact } from '../store/control.js'
import { deleteBackup, type Manifest, readManifests } from './backup.js'
import { readControl, stepControl } from './control.js'
import { findByIds } from './oplog.js'

const DAY_MS = 86_400_000
const BACKUP_KEPT_MS = 30 * DAY_MS
const DEAD_KEPT_MS = 90 * DAY_MS

/** How long a move is on trial. */
export interface Probation {
  days: number
  operations: number
}

/** A move and its trial, by the ownership generation that it made. */
interface Trial {
  flip: number
  /** Epoch ms of upstream's clock, when it was first seen. */
  since: number
  isOver: boolean
  /** Operations that counted, and that the op-log has forgotten since. */
  forgotten?: number
}

export interface RetentionOptions {
  control: ControlConnection
  probation: Probation
  /** The engine was given up. */
  isTripped: boolean
  /** Epoch ms, by upstream's clock: the device's may be set, and nothing is deleted by it. */
  heardAt: number
}

/** Ends a trial that was passed; from then on backups that nothing depends on go. Operations that died go later, and after every backup that holds them. */
export async function retain(o: RetentionOptions): Promise<void> {
  const manifests = await readManifests(o.control)
  const before = o.heardAt - DEAD_KEPT_MS
  await sweepDead(o.control, before, await readHeld(o.control, manifests))
  const ages = await noteBackups(o, manifests)
  if (!(await isRetired(o))) return
  for (const manifest of manifests) {
    const since = ages[manifest.hid] ?? o.heardAt
    if (o.heardAt - since < BACKUP_KEPT_MS || !(await isSettled(o.control, manifest, before)))
      continue
    await deleteBackup(o.control, manifest.hid)
  }
}

/**
 * Forgets acknowledged operations accepted before `before` and not before the ownership generation `since`, but those in a
 * backup: what is in one and not in the op-log would be open for `restore()`. Everything else stays.
 */
export async function forgetAcked(
  control: ControlConnection,
  before: number,
  since = 0,
): Promise<void> {
  const { flip, owner } = await readControl(control)
  // What was open at the fence is in a backup that is not complete yet.
  if (!owner) return
  const held = await readHeld(control, await readManifests(control))
  for await (const rows of pagesOfAcked(control)) {
    const old = rows.filter(
      (row) => row.acceptedAt < before && row.flip >= since && !held.has(row.opId),
    )
    if (old.length > 0 && !(await drop(control, old, flip))) return
  }
}

/** A page in a transaction of its own: who appends, or asks for the term, waits for one at most. */
async function* pagesOfAcked(control: ControlConnection): AsyncGenerator<LoggedOperation[]> {
  let limit = FIRST_PAGE
  let after = Number.NEGATIVE_INFINITY
  for (;;) {
    const later = IDBKeyRange.lowerBound(after, true)
    const rows = await control.run((db) => db.getAll('oplog', later, limit))
    const last = rows.at(-1)
    if (!last) return
    yield rows.filter(({ state }) => state === 'acked')
    after = last.seq
    limit = nextPage(rows, FULL_PAGE)
  }
}

/** Counts what goes as its trial does: both are one transaction. `false` once a handover made another backup. */
function drop(
  control: ControlConnection,
  page: readonly LoggedOperation[],
  flip: number,
): Promise<boolean> {
  return control.run(async (db) => {
    const tx = db.transaction(['control', 'oplog'], 'readwrite', { durability: 'relaxed' })
    const facts = tx.objectStore('control')
    const oplog = tx.objectStore('oplog')
    const present = (await facts.get('control')) as Control | undefined
    if (present?.flip !== flip) return false
    const fact = await facts.get('probation')
    const trial = fact && 'value' in fact ? (fact.value as Trial) : null
    let sent = 0
    for (const { seq, opId } of page) {
      const row = await oplog.get(seq)
      // Where the site was cleared meanwhile, numbers begin anew.
      if (row?.opId !== opId) continue
      sent += Number(counts(row, trial))
      await oplog.delete(seq)
    }
    if (trial) {
      const value: Trial = { ...trial, forgotten: (trial.forgotten ?? 0) + sent }
      await facts.put({ key: 'probation', value })
    }
    await tx.done
    return true
  })
}

async function isRetired(o: RetentionOptions): Promise<boolean> {
  const control = await readControl(o.control)
  if (control.owner !== 'refactored' || control.handover || o.isTripped) return false
  const kept = await readFact<Trial>(o.control, 'probation')
  if (kept?.flip !== control.flip) {
    const trial: Trial = { flip: control.flip, since: o.heardAt, isOver: false }
    await changeFact<Trial>(o.control, 'probation', (held) => {
      // Of a move that another tab made since.
      return held && held.flip > trial.flip ? held : trial
    })
    return false
  }
  if (kept.isOver) return true
  const isLong = o.heardAt - kept.since >= o.probation.days * DAY_MS
  const sent = (kept.forgotten ?? 0) + (await countSent(o.control, kept))
  if (!isLong || sent < o.probation.operations) return false
  return retire(o, kept, control)
}

async function retire(o: RetentionOptions, trial: Trial, before: Control): Promise<boolean> {
  const step = { at: o.heardAt, kind: 'retired', detail: { since: trial.since } }
  const isStill = (control: Control) => (control.flip === before.flip ? control : null)
  const retired = await stepControl(o.control, step, isStill, async (tx) => {
    const value: Trial = { ...trial, isOver: true }
    await tx.objectStore('control').put({ key: 'probation', value })
  })
  return retired !== null
}

/** Accepted since the move, and sent by the engine that is on trial. */
const counts = (row: LoggedOperation, trial: Trial | null): boolean =>
  trial !== null && row.by === 'refactored' && row.flip >= trial.flip

async function countSent(control: ControlConnection, trial: Trial): Promise<number> {
  let sent = 0
  for await (const rows of pagesOfAcked(control)) {
    sent += rows.filter((row) => counts(row, trial)).length
  }
  return sent
}

/** When each backup was first seen under upstream's clock. */
async function noteBackups(
  o: RetentionOptions,
  manifests: readonly Manifest[],
): Promise<Readonly<Record<string, number>>> {
  const hids = manifests.map(({ hid }) => hid)
  let ages = (await readFact<Record<string, number>>(o.control, 'backups')) ?? {}
  // On a full disk nothing can be written, and what goes makes room.
  if (hids.every((hid) => hid in ages)) return ages
  await changeFact<Record<string, number>>(o.control, 'backups', (held) => {
    ages = Object.fromEntries(hids.map((hid) => [hid, held?.[hid] ?? o.heardAt]))
    return ages
  })
  return ages
}

/** Whether every operation of a backup was acknowledged, or died before that; one that the op-log has forgotten was. */
async function isSettled(
  control: ControlConnection,
  manifest: Manifest,
  before: number,
): Promise<boolean> {
  const isOver = ({ state, acceptedAt }: LoggedOperation) =>
    state === 'acked' || (state === 'dead' && acceptedAt < before)
  for (const opIds of toPages(await readIds(control, manifest))) {
    const rows = await findByIds(control, opIds)
    if (!rows.every((row) => !row || isOver(row))) return false
  }
  return true
}

async function readHeld(
  control: ControlConnection,
  manifests: readonly Manifest[],
): Promise<ReadonlySet<string>> {
  const ids = await Promise.all(manifests.map((manifest) => readIds(control, manifest)))
  return new Set(ids.flat())
}

/** The ids of the operations in a backup. */
async function readIds(control: ControlConnection, { hid, parts }: Manifest): Promise<string[]> {
  const opIds: string[] = []
  for (const [index, { table }] of parts.entries()) {
    if (table !== null) continue
    const part = await control.run((db) => db.get('backup', [hid, index + 1]))
    const pending: Pending<Operation>[] = Array.isArray(part?.value) ? part.value : []
    opIds.push(...pending.map(({ opId }) => opId))
  }
  return opIds
}

function sweepDead(
  control: ControlConnection,
  before: number,
  held: ReadonlySet<string>,
): Promise<void> {
  return control.run(async (db) => {
    const tx = db.transaction('oplog', 'readwrite', { durability: 'relaxed' })
    for await (const cursor of tx.store.index('state').iterate('dead')) {
      const { opId, acceptedAt } = cursor.value
      if (acceptedAt < before && !held.has(opId)) await cursor.delete()
    }
    await tx.done
  })
}
