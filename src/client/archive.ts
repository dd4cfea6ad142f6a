import { adopt } from '../engine/adoption.js'
import {
  DOOMED,
  deleteBackup,
  dropDoomed,
  type Manifest,
  readManifests,
  readPart,
} from '../engine/backup.js'
import { readControl } from '../engine/control.js'
import { readJournal } from '../engine/journal.js'
import { readOpen, settle } from '../engine/oplog.js'
import type { Engine, LoggedOperation, Store } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { RestoreReport } from '../model/handle.js'
import { DRAFT_NOTE, SURVEYS_NOTE } from '../model/notes.js'
import type { Identified, Operation, Pending } from '../model/operation.js'
import { type ControlConnection, writeFact } from '../store/control.js'
import type { Core } from './core.js'
import type { Opened } from './open.js'
import { mintInstallation } from './profile.js'

function reachControl<Op extends Operation>(core: Core<Op>) {
  const { control } = core.stores
  if (!control)
    throw new GraySyncError('STORE', 'nothing is stored here: the databases can’t be opened')
  return control
}

/** Puts the rows and the open operations of a backup back into the present owner. */
export async function restore<Op extends Operation>(
  { core, operations }: Opened<Op>,
  backup: string | undefined,
): Promise<RestoreReport> {
  const control = reachControl(core)
  const manifests = await readManifests(control)
  const isMine = ({ userId }: Manifest) => userId === null || userId === core.userId()
  const manifest = manifests.find((one) => (backup ? one.hid === backup : isMine(one)))
  if (!manifest) throw new GraySyncError('BACKUP', `backup ${backup ?? '(newest)'}: there is none`)
  const { owner, flip } = await readControl(control)
  if (!owner) throw new GraySyncError('HALTED', 'restore: a handover goes on, wait for its end')
  const engine = core.options.engines?.[owner]
  const { store } = engine ?? {}
  // An engine takes rows in the shape of the other one: its own can't be put back.
  const takesRows = manifest.from !== owner
  let rows = 0
  let pending: Pending<Operation>[] = []
  try {
    for (const [index, part] of manifest.parts.entries()) {
      const values = await readPart(core.platform, control, manifest, index + 1)
      if (part.table === null) pending = pending.concat(values as Pending<Operation>[])
      else if (store && takesRows) {
        await insistOnFlip(control, flip)
        await store.hydrate(
          part.table,
          values.map((value) => (value as { row: unknown }).row),
        )
        rows += values.length
      }
    }
    const at = core.platform.now()
    await adopt(control, pending, { at, isMine: (now) => now.flip === flip })
  } finally {
    await core.replicas.forward().catch(core.report)
    // The rows of anybody else may have been cleared as they signed out.
    const users = [core.userId(), manifest.userId, null]
    if (engine && store) await redo({ control, engine, store, users })
  }
  await operations.pump()
  return { backup: manifest.hid, operations: pending.length, rows }
}

async function insistOnFlip(control: ControlConnection, flip: number): Promise<void> {
  if ((await readControl(control)).flip === flip) return
  throw new GraySyncError('FENCED', 'restore: a handover began, wait for its end')
}

/** Rows that were put back, be it some, are from before, and others lack what was lost: what no server has is written once more. */
async function redo<Op extends Operation>({
  control,
  engine,
  store,
  users,
}: {
  control: ControlConnection
  engine: Engine<Op>
  store: Store<Op>
  users: readonly (string | null)[]
}): Promise<void> {
  const failed: unknown[] = []
  const give = async ({ op, opId, userId }: LoggedOperation) => {
    const isDue = users.includes(userId) && engine.knows?.(op as Identified<Op>) !== false
    if (isDue) await store.apply(op as Identified<Op>)
    else await settle(control, opId, { state: 'open', applied: false })
  }
  for (const row of await readOpen(control)) {
    await give(row).catch((cause) => failed.push(cause))
  }
  if (failed.length > 0) throw failed[0]
}

/** What the user chose while nothing could be written is chosen again where it can be. */
export async function carryOver<Op extends Operation>(
  before: Opened<Op>,
  next: Opened<Op>,
): Promise<void> {
  const { consent, preference } = before.core.profile
  if (preference) await next.prefer(preference)
  if (consent !== (before.core.options.consent ?? 'pending')) {
    await next.setConsent(consent)
  }
}

/** Deletes the backups of a user who logged out; the one of a handover that is under way once that has ended. */
export async function dropBackups<Op extends Operation>(
  core: Core<Op>,
  userId: string,
): Promise<void> {
  const { control } = core.stores
  if (!control) return
  const { handover } = await readControl(control)
  const manifests = await readManifests(control)
  for (const { hid, userId: of } of manifests) {
    if (of === userId && hid !== handover?.id) await deleteBackup(control, hid)
  }
  await dropDoomed(control)
  const isOfOther = manifests.some((one) => one.hid === handover?.id && one.userId !== userId)
  if (handover && !isOfOther) await writeFact(control, DOOMED, handover.id)
}

/** Journal, manifests, operations that died and state as one JSON file: no row and no operation's content is in it. */
export async function writeSupportFile<Op extends Operation>(core: Core<Op>): Promise<Blob> {
  const control = reachControl(core)
  const { entries, gaps } = await readJournal(control)
  const content = {
    app: core.options.app,
    installation: core.profile.installation,
    snapshot: core.state.get(),
    explained: core.decision().explain(),
    control: await readControl(control),
    journal: entries,
    gaps,
    backups: await readManifests(control),
    dead: await readDead(control),
  }
  return new Blob([JSON.stringify(content, null, 2)], { type: 'application/json' })
}

async function readDead(control: ControlConnection): Promise<unknown[]> {
  const rows = await control.run((db) => db.getAllFromIndex('oplog', 'state', 'dead'))
  return rows.map(({ opId, op: { entity, entityId, kind }, acceptedAt, cause }) => ({
    opId,
    entity,
    entityId,
    kind,
    acceptedAt,
    cause,
  }))
}

/** Deletes what graysync holds of this profile, and has upstream asked to do the same, until it did. Ownership and what an engine did here stay: they are about data, not about a person. */
export async function forget<Op extends Operation>(
  { core, voice }: Opened<Op>,
  keepPending: boolean,
): Promise<void> {
  const control = reachControl(core)
  const { installation } = core.profile
  core.profile.installation = mintInstallation(core.platform)
  core.tell({ kind: 'forgotten' })
  await voice.purge(installation)
  for (const note of [DRAFT_NOTE, SURVEYS_NOTE]) core.platform.note.write(note, null)
  // What is captured and not moved yet would come back.
  await core.replicas.forward().catch(core.report)
  for (const store of ['rollout', 'ledger', 'health'] as const) {
    await core.stores.database?.clear(store)
  }
  await control.run(async (db) => {
    const tx = db.transaction(['control', 'oplog', 'journal', 'backup'], 'readwrite')
    const facts = tx.objectStore('control')
    for (const key of await facts.getAllKeys()) {
      const isOfData =
        ['control', 'version', 'databases'].includes(key) || key.startsWith('breaker:')
      if (!isOfData) await facts.delete(key)
    }
    if (!keepPending) await tx.objectStore('oplog').clear()
    await tx.objectStore('journal').clear()
    await tx.objectStore('backup').clear()
    await tx.done
  })
}
