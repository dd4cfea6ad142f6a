import { digest } from '../lib/digest.js'
import { GraySyncError } from '../model/errors.js'
import type { EngineName, Operation, Pending } from '../model/operation.js'
import type { Platform } from '../model/platform.js'
import type { Source, SourceRow } from '../model/source.js'
import { type ControlConnection, openControl } from '../store/control.js'

const PAGE = 200

/** What a backup holds, and the digest of each part. Part 0 of the backup. */
export interface Manifest {
  hid: string
  at: number
  from: EngineName
  to: EngineName
  userId: string | null
  operations: number
  rows: number
  /** `false` when the rows did not fit into the origin's quota: operations only. */
  withRows: boolean
  parts: readonly { table: string | null; count: number; sha256: string }[]
}

export interface BackupOrder {
  platform: Platform
  control: ControlConnection
  hid: string
  from: EngineName
  to: EngineName
  userId: string | null
  pending: readonly Pending<Operation>[]
  data: Source | undefined
  withRows: boolean
}

/** Pages through a table of a source, in key order. */
export async function* pagesOf(
  source: Source,
  table: string,
  size: number = PAGE,
): AsyncGenerator<readonly SourceRow[]> {
  let after: IDBValidKey | undefined
  for (;;) {
    const rows = await source.page(table, after, size)
    if (rows.length > 0) yield rows
    const last = rows.at(-1)
    if (!last || rows.length < size) return
    after = last.key
  }
}

/** Writes operations and rows, then reads them back through a connection of its own and holds them against their digests. */
export async function writeBackup(o: BackupOrder): Promise<Manifest> {
  const subtle = o.platform.subtle
  if (!subtle) throw new GraySyncError('UNSUPPORTED', 'a backup needs WebCrypto (https)')
  const parts: Manifest['parts'][number][] = []
  const put = async (table: string | null, values: readonly unknown[]) => {
    parts.push({ table, count: values.length, sha256: await digest(subtle, values) })
    await putPart(o.control, o.hid, parts.length, values)
  }
  await deleteBackup(o.control, o.hid)
  await put(null, o.pending)
  for (const table of o.withRows ? (o.data?.tables ?? []) : []) {
    if (!o.data) break
    for await (const rows of pagesOf(o.data, table)) await put(table, rows)
  }
  const rows = parts.reduce((sum, part) => sum + (part.table === null ? 0 : part.count), 0)
  const manifest: Manifest = {
    hid: o.hid,
    at: o.platform.now(),
    from: o.from,
    to: o.to,
    userId: o.userId,
    operations: o.pending.length,
    rows,
    withRows: o.withRows,
    parts,
  }
  await putPart(o.control, o.hid, 0, manifest)
  await verifyBackup(o.platform, subtle, manifest)
  return manifest
}

function putPart(
  control: ControlConnection,
  hid: string,
  part: number,
  value: unknown,
): Promise<void> {
  return control.run(async (db) => {
    const tx = db.transaction('backup', 'readwrite', { durability: 'strict' })
    await tx.store.put({ hid, part, value })
    tx.commit()
    await tx.done
  })
}

async function verifyBackup(
  platform: Platform,
  subtle: SubtleCrypto,
  manifest: Manifest,
): Promise<void> {
  const db = await openControl(platform)
  try {
    for (const index of manifest.parts.keys()) {
      const row = await db.get('backup', [manifest.hid, index + 1])
      await insistOnPart(subtle, manifest, index + 1, row?.value)
    }
  } finally {
    db.close()
  }
}

async function insistOnPart(
  subtle: SubtleCrypto,
  { hid, parts }: Manifest,
  part: number,
  value: unknown,
): Promise<unknown[]> {
  if (!Array.isArray(value) || (await digest(subtle, value)) !== parts[part - 1]?.sha256) {
    throw new GraySyncError('BACKUP', `part ${part} of backup ${hid} is missing or differs`)
  }
  return value
}

export function deleteBackup(control: ControlConnection, hid: string): Promise<void> {
  return control.run(async (db) => {
    await db.delete('backup', IDBKeyRange.bound([hid, 0], [hid, Number.MAX_SAFE_INTEGER]))
  })
}

/** The manifests of all complete backups, newest first. */
export function readManifests(control: ControlConnection): Promise<Manifest[]> {
  return control.run(async (db) => {
    const manifests: Manifest[] = []
    let cursor = await db.transaction('backup').store.openCursor()
    while (cursor) {
      if (cursor.value.part === 0) manifests.push(cursor.value.value as Manifest)
      cursor = await cursor.continue()
    }
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
  return insistOnPart(platform.subtle, manifest, part, row?.value)
}
