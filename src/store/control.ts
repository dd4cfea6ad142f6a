import type { DBSchema, IDBPDatabase, IDBPObjectStore, IDBPTransaction } from 'idb'
import type { Control, JournalEntry, LoggedOperation } from '../model/engine.js'
import type { Platform } from '../model/platform.js'
import { type Connection, connect } from './connection.js'
import { openWithin } from './open.js'

/** A small fact about this profile, by name. */
export interface Fact {
  key: string
  value: unknown
}

export interface BackupPart {
  hid: string
  /** 0 is the manifest. */
  part: number
  value: unknown
}

/** `graysync-control`: made once at version 1 and never upgraded, since a frozen tab can block an upgrade for ever. */
export interface ControlSchema extends DBSchema {
  control: { key: string; value: Control | Fact }
  oplog: {
    key: number
    value: LoggedOperation
    indexes: { opId: string; userSeq: [string, number]; state: string }
  }
  journal: { key: number; value: JournalEntry }
  backup: { key: [string, number]; value: BackupPart; indexes: { hid: string } }
  ballast: { key: string; value: { key: string; bytes: Uint8Array } }
}

/** A step of ownership: control record, journal, op-log and backup change together. */
export type StepTransaction = IDBPTransaction<
  ControlSchema,
  ('control' | 'journal' | 'oplog' | 'backup')[],
  'readwrite'
>
/** The op-log in a transaction that writes it alone. */
export type OplogStore = IDBPObjectStore<
  ControlSchema,
  ('control' | 'oplog')[],
  'oplog',
  'readwrite'
>
export type ControlDatabase = IDBPDatabase<ControlSchema>
export type ControlConnection = Connection<ControlSchema>

export function openControl(platform: Platform): Promise<ControlDatabase> {
  return openWithin<ControlSchema>(platform, 'graysync-control', 1, (db) => {
    db.createObjectStore('control', { keyPath: 'key' })
    const oplog = db.createObjectStore('oplog', { keyPath: 'seq', autoIncrement: true })
    oplog.createIndex('opId', 'opId', { unique: true })
    oplog.createIndex('userSeq', ['userId', 'seq'])
    oplog.createIndex('state', 'state')
    db.createObjectStore('journal', { keyPath: 'seq', autoIncrement: true })
    db.createObjectStore('backup', { keyPath: ['hid', 'part'] }).createIndex('hid', 'hid')
    db.createObjectStore('ballast', { keyPath: 'key' })
  })
}

export function connectControl(platform: Platform): ControlConnection {
  return connect(platform, () => openControl(platform))
}

export function readFact<T>(control: ControlConnection, key: string): Promise<T | null> {
  return control.run(async (db) => {
    const row = await db.get('control', key)
    return row && 'value' in row ? (row.value as T) : null
  })
}

export function writeFact(control: ControlConnection, key: string, value: unknown): Promise<void> {
  return control.run(async (db) => {
    await db.put('control', { key, value })
  })
}

/** Reads the fact, or settles it for ever with what `make` gives: one transaction, so that all tabs agree. */
export function settleFact<T>(control: ControlConnection, key: string, make: () => T): Promise<T> {
  return control.run(async (db) => {
    const tx = db.transaction('control', 'readwrite', { durability: 'strict' })
    const row = await tx.store.get(key)
    if (row && 'value' in row) return row.value as T
    const value = make()
    await tx.store.put({ key, value })
    await tx.done
    return value
  })
}

/** Changes a fact by what it is now, in one transaction; `null` stands for none. */
export function changeFact<T>(
  control: ControlConnection,
  key: string,
  change: (held: T | null) => T,
): Promise<void> {
  let made = ''
  return control.run(async (db) => {
    const tx = db.transaction('control', 'readwrite')
    const row = await tx.store.get(key)
    // Only the answer was lost.
    if (JSON.stringify(row) === made) return
    const fact = { key, value: change(row && 'value' in row ? (row.value as T) : null) }
    made = JSON.stringify(fact)
    await tx.store.put(fact)
    await tx.done
  })
}

/** Raises a number that only grows; `false` when a higher one is there. */
export function raiseFact(control: ControlConnection, key: string, to: number): Promise<boolean> {
  return control.run(async (db) => {
    const tx = db.transaction('control', 'readwrite', { durability: 'strict' })
    const row = await tx.store.get(key)
    const held = row && 'value' in row ? row.value : null
    // A value that is no number was never written by us: it must not refuse every rollout for good.
    const highest = Number.isFinite(held) ? Number(held) : Number.NEGATIVE_INFINITY
    if (to > highest) await tx.store.put({ key, value: to })
    await tx.done
    return to >= highest
  })
}
