import { Dexie, type Table } from 'dexie'
import {
  dexieSource,
  fenceWrites,
  grayStores,
  grayWrites,
  type RowChange,
} from '../../src/dexie.js'
import type { Engine, Running } from '../../src/model/engine.js'
import type { GraySync } from '../../src/model/handle.js'
import type { EngineName } from '../../src/model/operation.js'
import type { Rollout } from '../../src/model/rollout.js'
import {
  createFakeEngine,
  createTestClient,
  createWorld,
  type FakeEngine,
  type RowOperation,
  type Tab,
  type World,
} from '../../src/testing.js'
import { createFaultyFactory, type FaultyFactory } from './faulty-indexeddb.js'
import { makeKeys, sign } from './rollout.js'

export interface Card {
  id: string
  text?: string
}
export type CardDatabase = Dexie & { cards: Table<Card, string>; logs: Table<Card, string> }

/** An engine over a Dexie database of its own; its queue is that of a fake engine. */
export interface DexieEngine extends Engine<RowOperation> {
  fake: FakeEngine
  /** Of the engine that was started last: where it pulls to. */
  own: CardDatabase | null
}

export interface Loaded {
  gray: GraySync<RowOperation>
  tab: Tab
  /** The app's own instances in this page. */
  legacy: CardDatabase
  refactored: CardDatabase
  fenced: number[]
  leave(): Promise<void>
}

export interface DexieProfile {
  world: World
  disk: FaultyFactory
  engines: { legacy: DexieEngine; refactored: DexieEngine }
  /** Loads a page of the app: who gets refactored is 100 % or nobody. */
  load(engine: EngineName, change?: Partial<Rollout>): Promise<Loaded>
  describe(name: string): CardDatabase
}

export function describeCards(name: string, factory: IDBFactory): CardDatabase {
  const db = new Dexie(name, { indexedDB: factory, IDBKeyRange }) as CardDatabase
  db.version(1).stores({ cards: 'id', logs: '++id', ...grayStores })
  return db
}

export const toOperation = (change: RowChange): RowOperation => ({
  entity: 'cards',
  entityId: String(change.key),
  kind: change.type,
  ...(change.type === 'put' ? { row: change.row } : {}),
})

/** One browser profile with an app over two Dexie databases, a store for each engine. */
export async function createDexieProfile(): Promise<DexieProfile> {
  const disk = createFaultyFactory()
  const world = createWorld({ indexedDB: disk.factory })
  const keys = await makeKeys()
  let version = 0
  const describe = (name: string) => describeCards(name, disk.factory)
  const engines = {
    legacy: createDexieEngine('legacy', '1', describe),
    refactored: createDexieEngine('refactored', '2', describe),
  }
  return {
    world,
    disk,
    engines,
    describe,
    async load(engine, change = {}) {
      const tab = world.tab()
      const share = engine === 'legacy' ? 0 : 100_000
      const stages = [{ name: 'all', share }]
      const bootstrap = await sign(keys, { version: ++version, stages, ...change })
      const gray = createTestClient<RowOperation>(
        {
          app: { name: 'test', version: '1' },
          engines,
          rollout: { keys: [keys.public], bootstrap },
          subject: { id: 'user' },
        },
        tab,
      )
      const legacy = describe('legacy')
      const refactored = describe('refactored')
      legacy.use(grayWrites(gray, { cards: toOperation }, { store: 'legacy' }))
      refactored.use(grayWrites(gray, { cards: toOperation }, { store: 'refactored' }))
      const fenced: number[] = []
      gray.on('fenced', ({ term }) => fenced.push(term))
      return {
        gray,
        tab,
        legacy,
        refactored,
        fenced,
        async leave() {
          legacy.close()
          refactored.close()
          await gray.close()
        },
      }
    },
  }
}

function createDexieEngine(
  name: EngineName,
  version: string,
  describe: (name: string) => CardDatabase,
): DexieEngine {
  const fake = createFakeEngine(['cards'], version)
  const bare = describe(name)
  const engine: DexieEngine = {
    ...fake,
    fake,
    own: null,
    data: dexieSource(bare, { tables: ['cards'] }),
    store: {
      hydrate: async (table, rows) => void (await bare.table(table).bulkPut([...rows])),
      apply: (op) => apply(bare, op),
      clear: () => bare.cards.clear(),
    },
    async start(ctx): Promise<Running<RowOperation>> {
      const running = await fake.start(ctx)
      const own = describe(name)
      own.use(fenceWrites(ctx))
      engine.own = own
      return {
        async push(op, o) {
          if (!o.applied) await apply(own, op)
          await running?.push?.(op, { applied: true })
        },
        stop() {
          own.close()
          return { clean: true, inflight: [] }
        },
      }
    },
  }
  return engine
}

async function apply(db: CardDatabase, op: RowOperation): Promise<void> {
  if (op.kind === 'delete') await db.cards.delete(op.entityId)
  else await db.cards.put({ ...op.row, id: op.entityId })
}
