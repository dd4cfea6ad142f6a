import type {
  DBCore,
  DBCoreMutateRequest,
  DBCoreMutateResponse,
  DBCoreTable,
  DBCoreTransaction,
  Dexie,
  Middleware,
} from 'dexie'
import { GraySyncError } from '../model/errors.js'
import type { EngineName } from '../model/operation.js'
import type { Changes } from '../model/source.js'
import type { Rights, WritePort } from '../model/writes.js'
import { giveUp } from './beside.js'
import { type RowChange, readChanges, readDoomed, readKeys } from './change.js'
import { follow, ledgerOf, readReplica, readTracked, track } from './intents.js'
import { CAPTURED, FENCE, INTENTS } from './stores.js'

const OWN: readonly string[] = [FENCE, CAPTURED, INTENTS]
/** Beneath all that Dexie brings: what arrives here is what is written. */
const LEVEL = -2

/** Under this key a core that tracks writes tells of them. */
const TRACKED: unique symbol = Symbol('graysync.tracked')
/** Under this key those that guard one instance agree on who captures which table. */
const CAPTURING: unique symbol = Symbol('graysync.capturing')

interface TrackedCore {
  readonly [TRACKED]?: (table: string) => Promise<Changes>
  readonly [CAPTURING]?: Map<string, WritesOptions>
}

export interface WritesOptions {
  /** Of two on one instance that have the same name, Dexie keeps the later. */
  name: string
  port: WritePort
  /** The engine whose rows the database holds; `null` where both engines share them. */
  store: EngineName | null
  /** Whether a write may be, by the rights that its own transaction read. */
  mayWrite(rights: Rights): boolean
  onRefused(rights: Rights): void
  /** The database is open. */
  onOpen(name: string): void
  /** Tables whose rows have something beside them. */
  captured: readonly string[]
  /** `null` where nothing belongs beside the rows of this table. */
  captureFor(core: DBCore, table: string): Capture | null
}

/** Puts what belongs to these changes beside them. */
export type Capture = (
  trans: DBCoreTransaction,
  changes: readonly RowChange[],
  userId: string | null,
  flip: number,
) => Promise<unknown> | null

/** What was written to a table and not judged since; `null` where this instance does not track. */
export async function readChangesOf(db: Dexie, table: string): Promise<Changes | null> {
  // As a read opens it: what the app closed stays closed.
  if (!db.isOpen()) await db.transaction('r', table, () => {}).catch(() => {})
  if (!db.isOpen()) return null
  const core: DBCore & TrackedCore = db.core
  return core[TRACKED]?.(table) ?? null
}

/** Checks every write inside its own transaction, and puts beside it what has to be true if it is. */
export function guardWrites(o: WritesOptions): Middleware<DBCore> {
  return { stack: 'dbcore', name: o.name, level: LEVEL, create: (core) => guardCore(core, o) }
}

function guardCore(core: DBCore & TrackedCore, o: WritesOptions): Partial<DBCore> & TrackedCore {
  const { name, tables } = core.schema
  const has = (store: string) => tables.some((table) => table.name === store)
  // Without the stores the app is only watched by what it does not have yet.
  if (!has(FENCE)) return {}
  const beside = OWN.filter(has)
  const ledger = has(INTENTS) ? ledgerOf(o.port, name) : null
  const capturing = core[CAPTURING] ?? new Map<string, WritesOptions>()
  for (const table of has(CAPTURED) ? tables : []) {
    if (o.captureFor(core, table.name)) capturing.set(table.name, o)
  }
  const unknown = has(CAPTURED) ? o.captured.filter((table) => !has(table)) : []
  /** By transaction, who began it and what it found. A transaction that is not here is an upgrade of the schema. */
  const checks = new WeakMap<
    DBCoreTransaction,
    { by: string | null; found: Promise<Rights> | null }
  >()
  o.onOpen(name)

  const check = async (trans: DBCoreTransaction): Promise<Rights> => {
    const stored = await readReplica(core, trans)
    if (ledger) follow(ledger, stored.epoch)
    const rights = stored.flip > 0 ? stored : o.port.rights(o.store)
    if (o.mayWrite(rights)) return rights
    // An app that swallows the error inside its transaction would commit the rest of it.
    giveUp(trans)
    o.onRefused(rights)
    throw new GraySyncError(
      'FENCED',
      `${name}: ${rights.owner ?? 'no engine'} owns the profile (flip ${rights.flip}); reload to go on`,
    )
  }

  const guardTable = (table: DBCoreTable): DBCoreTable => {
    // One row is one operation: of two that name the table the later captures.
    const capture = capturing.get(table.name) === o ? o.captureFor(core, table.name) : null
    const note = (trans: DBCoreTransaction, keys: readonly IDBValidKey[]) =>
      ledger && track(core, ledger, { trans, table: table.name, keys })
    /** What belongs beside rows that are known only once they are written. */
    const watch = async (
      found: Promise<Rights>,
      request: DBCoreMutateRequest,
      by: string | null,
    ) => {
      const { trans } = request
      const asking = readDoomed(table, request)
      const [rights, doomed, response] = await Promise.all([found, asking, table.mutate(request)])
      const changes = readChanges(table, request, { ...response, doomed: doomed ?? [] })
      const keys = changes.map(({ key }) => key)
      await Promise.all([capture?.(trans, changes, by, rights.flip), note(trans, keys)])
      return response
    }
    return {
      ...table,
      async mutate(request: DBCoreMutateRequest): Promise<DBCoreMutateResponse> {
        const { trans } = request
        const state = checks.get(trans)
        if (!state) return table.mutate(request)
        // The answers come in the order of the questions, and a refusal takes all of it back.
        state.found ??= check(trans)
        if (capture) return orGiveUp(trans, watch(state.found, freeze(request), state.by))
        const keys = ledger ? readKeys(table, request) : []
        if (!keys) return orGiveUp(trans, watch(state.found, request, state.by))
        // Which intents are on the disk is known once the replica was read: while the rows are written.
        const noted = state.found.then(() => note(trans, keys))
        const [response] = await Promise.all([table.mutate(request), orGiveUp(trans, noted)])
        return response
      },
    }
  }

  return {
    ...(ledger && { [TRACKED]: (table: string) => readTracked(core, ledger, table) }),
    [CAPTURING]: capturing,
    transaction(stores, mode, options) {
      if (mode !== 'readwrite') return core.transaction(stores, mode, options)
      // Told, and not thrown: a later version of the schema may bring it.
      for (const table of unknown.splice(0)) {
        o.port.report(new GraySyncError('OPTION', `grayWrites: "${name}" has no table "${table}"`))
      }
      const trans = core.transaction([...new Set([...stores, ...beside])], mode, options)
      checks.set(trans, { by: o.port.userId(), found: null })
      return trans
    },
    table: (named) => (OWN.includes(named) ? core.table(named) : guardTable(core.table(named))),
  }
}

/** What the app does to its objects from now on is another write: row and operation are made of the same. */
function freeze(request: DBCoreMutateRequest): DBCoreMutateRequest {
  return 'values' in request ? { ...request, values: structuredClone(request.values) } : request
}

/** Rows without what belongs beside them must not be; nor those of a bulk write that ended at a key which is none. */
async function orGiveUp<T>(trans: DBCoreTransaction, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    giveUp(trans)
    throw cause
  }
}
