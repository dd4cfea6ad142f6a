import type { DBCore, Dexie, Middleware, Table } from 'dexie'
import { capture, type ToOperation } from './dexie/capture.js'
import { INERT } from './dexie/inert.js'
import { guardWrites, readChangesOf } from './dexie/middleware.js'
import { keyReader } from './lib/keys.js'
import type { EngineContext } from './model/engine.js'
import { GraySyncError } from './model/errors.js'
import type { GraySync } from './model/handle.js'
import type { EngineName, Operation } from './model/operation.js'
import type { Rewritten, Source, SourceRow } from './model/source.js'
import { type Rights, WRITES } from './model/writes.js'

export type { ToOperation } from './dexie/capture.js'
export type { RowChange } from './dexie/change.js'
export type { Source, SourceRow } from './model/source.js'

/**
 * The stores that graysync has in a database of the host: who may write, operations that are not in the op-log yet, and
 * what was written and not compared since. Spread them into a `version().stores()` of your own; they never change.
 *
 * @example
 * ```ts
 * import { Dexie } from 'dexie'
 * import { grayStores } from 'graysync/dexie'
 *
 * const db = new Dexie('cards')
 * db.version(1).stores({ cards: 'id' })
 * db.version(2).stores({ ...grayStores })
 * ```
 */
export const grayStores = {
  graysyncFence: 'key',
  graysyncCaptured: '++seq,&opId',
  graysyncIntents: '[table+region+writer]',
} as const

/** How the writes of an app are taken. */
export interface GrayWritesOptions {
  /** The engine whose rows this database holds. @default both engines share it */
  store?: EngineName
}

/**
 * Watches the app's own writes to a Dexie database: give it to `db.use()` before the database opens. With `grayStores`
 * in its schema, every transaction that writes is checked inside itself, and rejects with FENCED once the other engine
 * owns the profile; the write to a row of a captured table and its operation are one transaction, and the operation
 * needs no `enqueue`. Without the stores nothing is touched; a table that is not there is told of by an `error` event.
 * Parts of an app may each give one for tables of their own. In a worker, where no handle runs, a write that would be an
 * operation rejects with UNSUPPORTED. All transactions that write share the stores: one that waits for another, also
 * over other tables, waits for ever.
 *
 * @example
 * ```ts
 * import { Dexie } from 'dexie'
 * import { createGraySync, type Operation } from 'graysync'
 * import { grayStores, grayWrites } from 'graysync/dexie'
 *
 * interface CardOp extends Operation {
 *   row?: Readonly<Record<string, unknown>>
 * }
 * const gray = createGraySync<CardOp>({ app: { name: 'cards', version: '2.0.0' } })
 * const db = new Dexie('cards')
 * db.version(1).stores({ cards: 'id', ...grayStores })
 * db.use(
 *   grayWrites(gray, {
 *     cards: (change) => ({
 *       entity: 'cards',
 *       entityId: String(change.key),
 *       kind: change.type,
 *       ...(change.type === 'put' ? { row: change.row } : {}),
 *     }),
 *   }),
 * )
 * ```
 */
export function grayWrites<Op extends Operation>(
  gray: GraySync<Op>,
  captured: Readonly<Record<string, ToOperation<Op>>> = {},
  o: GrayWritesOptions = {},
): Middleware<DBCore> {
  const port = gray[WRITES] ?? INERT
  const store = o.store ?? null
  return guardWrites({
    name: `graysync:${Object.keys(captured).sort().join()}`,
    port,
    store,
    mayWrite: ({ owner }) => store === null || owner === null || owner === store,
    onRefused: port.fenced,
    onOpen: (name) => port.opened({ name, store }),
    captured: Object.keys(captured),
    captureFor(core, table) {
      const toOperation = captured[table]
      if (!toOperation) return null
      return (trans, changes, userId, flip) =>
        capture(core, port, { trans, changes, toOperation, userId, flip })
    },
  })
}

/**
 * Watches an engine's own writes to a Dexie database, for pulls and acknowledgements: a connection of its own, opened
 * in `start`. Every transaction that writes rejects with FENCED unless the engine still owns the profile as it did
 * when it was started. Nothing is captured.
 *
 * @example
 * ```ts
 * import { Dexie } from 'dexie'
 * import { defineEngine } from 'graysync'
 * import { fenceWrites, grayStores } from 'graysync/dexie'
 *
 * export const engine = defineEngine({
 *   version: '1',
 *   start(ctx) {
 *     const db = new Dexie('cards')
 *     db.version(1).stores({ cards: 'id', ...grayStores })
 *     db.use(fenceWrites(ctx))
 *     return { stop: () => db.close() }
 *   },
 * })
 * ```
 */
export function fenceWrites(ctx: EngineContext): Middleware<DBCore> {
  const rights = ctx[WRITES]
  if (!rights) return NOTHING
  const { port, engine, flip, term, signal } = rights
  // An engine that was started where the control record can't be read knows of no flip: the replica alone counts.
  const isDue = (found: Rights) =>
    flip === 0
      ? found.owner === engine || found.flip === 0
      : found.owner === engine && found.flip === flip && found.term <= term
  return guardWrites({
    name: ENGINE,
    port,
    store: engine,
    mayWrite: (found) => !signal.aborted && isDue(found),
    onRefused: rights.fenced,
    onOpen: () => {},
    captured: [],
    captureFor: () => null,
  })
}

/** On an instance that is used again, what guards the present engine takes the place of what guarded the last. */
const ENGINE = 'graysync'

/** For an engine in shadow nothing is to be guarded. */
const NOTHING: Middleware<DBCore> = { stack: 'dbcore', name: ENGINE, create: () => ({}) }

/** What of a Dexie database a source shows. */
export interface DexieSourceOptions {
  /** How reports call it. @default the database's name */
  name?: string
  /** Tables to show. @default all tables of the schema */
  tables?: readonly string[]
  /** The instance of the same database whose writes are tracked. @default the one that is shown */
  tracked?: Dexie
}

/**
 * Shows the tables of a Dexie database to an audit, row by row in the order of their primary keys, which no index
 * leaves out. Writes only for a repair, and opens the database if Dexie would. Rejects with Dexie's own errors.
 *
 * @throws GraySyncError `OPTION` when it is asked for its tables, which a database without versions knows once it is open.
 *
 * @example
 * ```ts
 * import { Dexie } from 'dexie'
 * import { dexieSource } from 'graysync/dexie'
 *
 * const db = new Dexie('cards-next')
 * db.version(1).stores({ cards: 'id', folders: 'id' })
 * export const source = dexieSource(db, { tables: ['cards'] })
 * ```
 */
export function dexieSource(db: Dexie, o: DexieSourceOptions = {}): Source {
  return {
    name: o.name ?? db.name,
    // A schema that is read from the disk is known once the database is open.
    get tables() {
      if (o.tables) return o.tables
      if (db.tables.length === 0 && !db.isOpen()) {
        throw new GraySyncError(
          'OPTION',
          `dexieSource: "${db.name}" has no schema until it is open; name "tables"`,
        )
      }
      return db.tables.map(({ name }) => name)
    },
    page: (name, after, limit) => readPage(db.table(name), after, limit),
    get: (name, keys) => readRows(db.table(name), keys),
    count: (name) => Promise.resolve(db.table(name).count()),
    rewrite: (name, keys, change) => rewrite(db.table(name), keys, change),
    changes: (name) => readChangesOf(o.tracked ?? db, name),
  }
}

type RowTable = Table<Record<string, unknown>, IDBValidKey>

async function readPage(
  table: RowTable,
  after: IDBValidKey | undefined,
  limit: number,
): Promise<SourceRow[]> {
  const above = () => {
    const range = after === undefined ? table.toCollection() : table.where(':id').above(after)
    return range.limit(limit)
  }
  const keyOf = keyReader(table.schema.primKey.keyPath)
  if (keyOf) return (await above().toArray()).map((row) => ({ key: keyOf(row), row }))
  const [keys, rows] = await table.db.transaction('r', table, () =>
    Promise.all([above().primaryKeys(), above().toArray()]),
  )
  return rows.map((row, at) => ({ key: keys[at] as IDBValidKey, row }))
}

async function readRows(table: RowTable, keys: readonly IDBValidKey[]): Promise<SourceRow[]> {
  const rows = await table.bulkGet([...keys])
  return rows.flatMap((row, at) => (row ? [{ key: keys[at] as IDBValidKey, row }] : []))
}

async function rewrite(
  table: RowTable,
  keys: readonly IDBValidKey[],
  change: (key: IDBValidKey, row: SourceRow['row'] | undefined) => Rewritten,
): Promise<void> {
  const isBeside = keyReader(table.schema.primKey.keyPath) === null
  await table.db.transaction('rw', table, async () => {
    const rows = await table.bulkGet([...keys])
    for (const [at, key] of keys.entries()) {
      const next = change(key, rows[at])
      if (next === null) await table.delete(key)
      else if (next) await table.put({ ...next }, isBeside ? key : undefined)
    }
  })
}
