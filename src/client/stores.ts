import { readControl } from '../engine/control.js'
import type { Control } from '../model/engine.js'
import { GraySyncError, isGraySyncError } from '../model/errors.js'
import type { Platform } from '../model/platform.js'
import { withinTime } from '../platform/bound.js'
import { type ControlConnection, connectControl } from '../store/control.js'
import { type GraySyncDatabase, openDatabase } from '../store/database.js'
import { toStoreError } from '../store/open.js'

/** A line outside of the databases that tells, when they can't be read, that this profile was moved. */
const OWNER_NOTE = 'graysync:owner'
/** What is asked for after that shows by itself whether it is given. */
const LOCKS_MS = 2_000
const PRISTINE_MS = 2_000

/** Opaque origins and blocked site data have Web Locks and refuse their use, which is like having none. Nothing waits long for the answer. */
export async function settleLocks(platform: Platform): Promise<Platform> {
  const none: Platform = { ...platform, lock: null, locks: async () => [] }
  const late = () => new GraySyncError('STORE_BLOCKED', 'the browser tells no locks')
  const asking = platform.locks().then(
    () => platform,
    () => none,
  )
  return withinTime(platform, LOCKS_MS, asking, late).catch(() => platform)
}

/** A profile of which the browser tells nothing in time was in use. */
export function isPristine(platform: Platform): Promise<boolean> {
  const late = () => new GraySyncError('STORE_BLOCKED', 'the browser tells no databases')
  return withinTime(platform, PRISTINE_MS, platform.pristine(), late).catch(() => false)
}

/** What could be opened. Without control nothing is ever handed over; without the database nothing is cached. */
export interface Stores {
  control: ControlConnection | null
  /** As it was read at the beginning. */
  first: Control | null
  database: GraySyncDatabase | null
  trouble: readonly GraySyncError[]
  /** Why there is no control record to act on. */
  refused: GraySyncError | null
  /** A newer build made what is stored: it is added to, and not acted on. */
  isNewer: boolean
}

export async function openStores(platform: Platform): Promise<Stores> {
  const trouble: GraySyncError[] = []
  const attempt = async <T>(what: string, open: () => Promise<T>): Promise<T | GraySyncError> => {
    try {
      return await open()
    } catch (cause) {
      const error = isGraySyncError(cause) ? cause : toStoreError(cause, what)
      trouble.push(error)
      return error
    }
  }
  const connection = connectControl(platform)
  const opening = attempt('database', () => openDatabase(platform))
  const control = await attempt('control', () => readControl(connection))
  const database = await opening
  const refused = isGraySyncError(control) ? control : null
  const first = isGraySyncError(control) ? null : control
  // Of the other database nothing is needed to send: where a newer build upgraded that one, this one does without.
  const isNewer = refused?.code === 'NEWER_STATE'
  if (!first && !isNewer) connection.close()
  return {
    control: first || isNewer ? connection : null,
    first,
    database: isGraySyncError(database) ? null : database,
    trouble,
    refused,
    isNewer,
  }
}

/** Between two owners the note says the one that nobody falls back from. */
export function noteOwner(platform: Platform, control: Control): void {
  platform.note.write(OWNER_NOTE, control.owner ?? 'refactored')
}

/** Whether a profile whose control record can't be read was moved to refactored before. */
export function wasSwitched(platform: Platform): boolean {
  return platform.note.read(OWNER_NOTE) === 'refactored'
}
