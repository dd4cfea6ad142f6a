import { digest } from '../lib/digest.js'
import { FIRST_PAGE, FULL_PAGE, nextPage, toPages } from '../lib/pages.js'
import type { Control } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import type { EngineName, Operation, Pending } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Source, SourceRow } from '../model/source.js'
import { type ControlConnection, changeFact, openControl, readFact } from '../store/control.js'
import { readControl } from './control.js'

/** What a backup holds, and the digest of each part. Part 0 of the backup. */
export interface Manifest {
  hid: string
  at: number
  from: EngineName
  to: EngineName
  userId: string | null
  operations: number
  /** A row that changed while it was written counts each time. */
  rows: number
  /** `false` when the rows did not fit into the origin's quota: operations only. */
  withRows: boolean
  parts: readonly Part[]
}

interface Part {
  /** `null`: operations, in their order from part to part. */
  table: string | null
  count: number
  sha256: string
}

export interface BackupOrder {
  platform: Platform
  control: ControlConnection
  hid: string
  from: EngineName
  to: EngineName
  userId: string | null
  /** `false`: rows that are put are left out. */
  withRows: boolean
  /** Whether the handover still is this tab's; asked inside of each write. */
  isMine(control: Control): boolean
}

/** A backup that is being written. It is complete once it is sealed. */
export interface Backup {
  /** A row that is put again is restored as it was put last. */
  put(table: string, rows: readonly SourceRow[]): Promise<void>
  /** Reads back through a connection of its own what was put since it was last asked, and holds it against its digests. */
  verify(): Promise<void>
  /** Forgets the rows that were put. */
  clear(): Promise<void>
  /** Adds the operations and the manifest, and verifies. */
  seal(pending: readonly Pending<Operation>[]): Promise<Manifest>
}

/** Pages through a table of a source, in key order, to the first page without a row: a source may give fewer than it is asked for. */
export async function* pagesOf(
  source: Source,
  table: string,
): AsyncGenerator<readonly SourceRow[]> {
  let limit = FIRST_PAGE
  let after: IDBValidKey | undefined
  for (;;) {
    const rows = await source.page(table, after, limit)
    if (rows.length > 0) yield rows
    const last = rows.at(-1)
    if (!last) return
    after = last.key
    limit = nextPage(rows, FULL_PAGE)
  }
}

/** The backup of a handover. Throws UNSUPPORTED without WebCrypto; rejects with FENCED once another tab took the handover. */
export function createBackup(o: BackupOrder): Backup {
  const { subtle } = o.platform
  if (!subtle) throw new GraySyncError('UNSUPPORTED', 'a backup needs WebCrypto (https)')
  const describe = async (table: string | null, values: readonly unknown[]) => ({
    table,
    count: values.length,
    sha256: await digest(subtle, values),
  })
  /** From part 2 on: the first operations are in part 1 and known last, and those that are too many for it come behind the rows. */
  let parts: Part[] = []
  let verified = 0
  const add = async (table: string | null, values: readonly unknown[]) => {
    parts.push(await describe(table, values))
    // What is sealed later is written through to the disk, and this with it.
    await putPart(o, parts.length + 1, values, 'relaxed')
  }
  const verify = async (written: readonly Part[], first: number) => {
    const db = await openControl(o.platform)
    try {
      for (const [index, part] of written.entries()) {
        const row = await db.get('backup', [o.hid, first + index])
        await insistOnPart(subtle, o.hid, first + index, part, row?.value)
      }
    } finally {
      db.close()
    }
  }
  const backup: Backup = {
    async put(table, values) {
      if (o.withRows) await add(table, values)
    },
    async verify() {
      await verify(parts.slice(verified), verified + 2)
      verified = parts.length
    },
    async clear() {
      parts = []
      verified = 0
      await deleteBackup(o.control, o.hid)
    },
    async seal(pending) {
      const [first = [], ...more] = toPages(pending)
      const operations = await describe(null, first)
      await putPart(o, 1, first, 'relaxed')
      for (const page of more) await add(null, page)
      const { hid, from, to, userId, withRows } = o
      const manifest: Manifest = {
        hid,
        at: o.platform.now(),
        from,
        to,
        userId,
        operations: pending.length,
        rows: parts.reduce((sum, { table, count }) => sum + (table === null ? 0 : count), 0),
        withRows,
        parts: [operations, ...parts],
      }
      await putPart(o, 0, manifest, 'strict')
      await verify([operations], 1)
      await backup.verify()
      return manifest
    },
  }
  return backup
}

/** Puts every row of a source, in place of those that were put before. */
export async function putAll(backup: Backup, source: Source): Promise<void> {
  await backup.clear()
  for (const table of source.tables) {
    for await (const rows of pagesOf(source, table)) await backup.put(table, rows)
  }
}

function putPart(
  { control, hid, isMine }: BackupOrder,
  part: number,
  value: unknown,
  durability: IDBTransactionDurability,
): Promise<void> {
  return control.run(async (db) => {
    const tx = db.transaction(['control', 'backup'], 'readwrite', { durability })
    const present = (await tx.objectStore('control').get('control')) as Control | undefined
    // Whoever took the handover has deleted its backup: what came later would stay for ever.
    if (present && !isMine(present)) {
      throw new GraySyncError('FENCED', 'another tab took the handover')
    }
    await tx.objectStore('backup').put({ hid, part, value })
    tx.commit()
    await tx.done
  })
}

async function insistOnPart(
  subtle: SubtleCrypto,
  hid: string,
  number: number,
  part: Part | undefined,
  value: unknown,
): Promise<unknown[]> {
  if (!Array.isArray(value) || (await digest(subtle, value)) !== part?.sha256) {
    throw new GraySyncError('BACKUP', `part ${number} of backup ${hid} is missing or differs`)
  }
  return value
}

/** A fact: the handover whose backup goes once it has ended. */
export const DOOMED = 'doomed'

/** All that a backup has, or may have, on the disk. */
export function toParts(hid: string): IDBKeyRange {
  return IDBKeyRange.bound([hid, 0], [hid, Number.MAX_SAFE_INTEGER])
}

export function deleteBackup(control: ControlConnection, hid: string): Promise<void> {
  return control.run(async (db) => {
    await db.delete('backup', toParts(hid))
  })
}

/** Deletes the backup of a handover whose user left while it went on, once it has ended. */
export async function dropDoomed(control: ControlConnection): Promise<void> {
  const hid = await readFact<string>(control, DOOMED)
  if (hid === null || (await readControl(control)).handover?.id === hid) return
  await deleteBackup(control, hid)
  await changeFact(control, DOOMED, (held) => (held === hid ? null : held))
}

/** The manifests of all complete backups, newest first. */
export function readManifests(control: ControlConnection): Promise<Manifest[]> {
  return control.run(async (db) => {
    const { store } = db.transaction('backup')
    // Parts hold all rows of the app: only their keys are read.
    const keys = (await store.getAllKeys()).filter(([, part]) => part === 0)
    const rows = await Promise.all(keys.map((key) => store.get(key)))
    const manifests = rows.flatMap((row) => (row ? [row.value as Manifest] : []))
    return manifests.sort((a, b) => b.at - a.at)
  })
}

/** Reads a part, from 1 on, and holds it against its digest. */
export async function readPart(
  platform: Platform,
  control: ControlConnection,
  manifest: Manifest,
  part: number,
): Promise<unknown[]> {
  const row = await control.run((db) => db.get('backup', [manifest.hid, part]))
  if (!platform.subtle) throw new GraySyncError('UNSUPPORTED', 'a backup needs WebCrypto (https)')
  const { hid, parts } = manifest
  return insistOnPart(platform.subtle, hid, part, parts[part - 1], row?.value)
}
