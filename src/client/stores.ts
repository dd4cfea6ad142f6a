import { readControl } from '../engine/control.js'
import type { Control } from '../model/engine.js'
import { type GraySyncError, isGraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import { type ControlConnection, connectControl } from '../store/control.js'
import { type GraySyncDatabase, openDatabase } from '../store/database.js'
import { toStoreError } from '../store/open.js'

/** A line outside of the databases that tells, when they can't be read, that this profile was moved. */
const OWNER_NOTE = 'graysync:owner'

/** What could be opened. Without control nothing is ever handed over; without the database nothing is cached. */
export interface Stores {
  control: ControlConnection | null
  /** As it was read at the beginning. */
  first: Control | null
  database: GraySyncDatabase | null
  trouble: readonly GraySyncError[]
  /** A newer build made what is stored: it is added to, and not acted on. */
  isNewer: boolean
}

export async function openStores(platform: Platform): Promise<Stores> {
  const trouble: GraySyncError[] = []
  const attempt = async <T>(what: string, open: () => Promise<T>): Promise<T | null> => {
    try {
      return await open()
    } catch (cause) {
      trouble.push(isGraySyncError(cause) ? cause : toStoreError(cause, what))
      return null
    }
  }
  const connection = connectControl(platform)
  const opening = attempt('database', () => openDatabase(platform))
  const first = await attempt('control', () => readControl(connection))
  const refused = first ? undefined : trouble.at(-1)
  const database = await opening
  // Of the other database nothing is needed to send: where a newer build upgraded that one, this one does without.
  const isNewer = refused?.code === 'NEWER_STATE'
  if (!first && !isNewer) connection.close()
  return { control: first || isNewer ? connection : null, first, database, trouble, isNewer }
}

/** Between two owners the note says the one that nobody falls back from. */
export function noteOwner(platform: Platform, control: Control): void {
  platform.note.write(OWNER_NOTE, control.owner ?? 'refactored')
}

/** Whether a profile whose control record can't be read was moved to refactored before. */
export function wasSwitched(platform: Platform): boolean {
  return platform.note.read(OWNER_NOTE) === 'refactored'
}
