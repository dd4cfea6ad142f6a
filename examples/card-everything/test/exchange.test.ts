import { randomUUID } from 'node:crypto'
import type { Engine, SourceRow } from 'graysync'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateCards } from '../src/data/generate.js'
import { type CardOp, TABLES, type Table, toPlain } from '../src/data/model.js'
import {
  type Backend,
  createBackend,
  createStorage,
  deleteCard,
  putCard,
} from './support/backend.js'
import { rigLegacy, rigRefactored } from './support/rig.js'

/** An embedded PostgreSQL takes its time to start on a busy machine. */
const PATIENCE_MS = 60_000

let backend: Backend
beforeAll(async () => {
  backend = await createBackend()
}, PATIENCE_MS)
afterAll(() => backend.close())

/** What a user would miss if it went lost, by table. */
const SUBSTANCE: Record<Table, readonly string[]> = {
  cards: ['id', 'frontContent', 'backContent', 'style', 'folderId'],
  folders: ['id', 'name', 'color', 'icon', 'cardIds', 'parentId', 'isExpanded'],
  tags: ['id', 'name', 'color', 'count'],
  images: ['id', 'cardId', 'fileName', 'filePath', 'metadata', 'storageMode', 'data'],
}

async function readSubstance(engine: Engine<CardOp>): Promise<Record<string, unknown[]>> {
  const held: Record<string, unknown[]> = {}
  for (const table of TABLES) {
    const rows: SourceRow[] = []
    for (let after: IDBValidKey | undefined; ; ) {
      const page = (await engine.data?.page(table, after, 50)) ?? []
      rows.push(...page)
      after = page.at(-1)?.key
      if (page.length < 50) break
    }
    held[table] = toSubstance(
      table,
      rows.map(({ row }) => row),
    )
  }
  return held
}

function toSubstance(table: Table, rows: readonly object[]): unknown[] {
  return rows.map((row) => {
    const plain = toPlain(row)
    for (const side of [plain.frontContent, plain.backContent]) {
      delete (side as { lastModified?: unknown } | undefined)?.lastModified
    }
    return Object.fromEntries(SUBSTANCE[table].map((name) => [name, plain[name] ?? null]))
  })
}

async function copy(from: Engine<CardOp>, to: Engine<CardOp>): Promise<void> {
  await to.store?.clear()
  for (const table of TABLES) {
    const rows = (await from.data?.page(table, undefined, 1_000)) ?? []
    await to.store?.hydrate(
      table,
      rows.map(({ row }) => row),
    )
  }
}

describe('rows that go from one engine to the other', () => {
  it('lose nothing on the way there and back, odd rows included', async () => {
    const legacy = rigLegacy({ backend })
    const refactored = rigRefactored({ backend, user: legacy.session.user })
    const rows = generateCards({ seed: 11, cards: 160, folders: 12, images: 8 })
    for (const table of TABLES) await legacy.engine.store?.hydrate(table, rows[table])
    const before = await readSubstance(legacy.engine)
    for (const table of TABLES) {
      const sorted = rows[table].toSorted((a, b) => (a.id < b.id ? -1 : 1))
      expect(before[table]).toEqual(toSubstance(table, sorted))
    }
    await copy(legacy.engine, refactored.engine)
    expect(await readSubstance(refactored.engine)).toEqual(before)
    await copy(refactored.engine, legacy.engine)
    expect(await readSubstance(legacy.engine)).toEqual(before)
  })

  it('take the shape of the engine that holds them', async () => {
    const legacy = rigLegacy({ backend })
    const refactored = rigRefactored({ backend })
    const odd = {
      id: '7',
      userId: 'default',
      frontContent: { title: 'T' },
      folderId: undefined,
      updatedAt: '2026-01-01T00:00:00.000Z',
    }
    await refactored.engine.store?.hydrate('cards', [odd])
    const row = await refactored.db.cards.get('7')
    expect(row).toMatchObject({
      userId: refactored.session.user,
      folderId: null,
      searchVector: 't',
    })
    expect(row?.updatedAt).toEqual(new Date('2026-01-01T00:00:00.000Z'))
    await legacy.engine.store?.hydrate('cards', [row])
    const back = await legacy.db.cards.get('7')
    expect(back).not.toHaveProperty('searchVector')
    expect(back).toMatchObject({ isFlipped: false })
  })
})

describe('operations that go from one engine to the other', () => {
  it('have one effect, though both sent them', async () => {
    const user = randomUUID()
    const device = randomUUID()
    const legacy = rigLegacy({ backend, user, device })
    const refactored = rigRefactored({ backend, user, device })
    const ops = [
      putCard('a', 'first', {
        frontContent: {
          title: 'first',
          text: '',
          images: [],
          tags: ['x'],
          lastModified: '2026-01-01T00:00:00.000Z',
        },
      }),
      putCard('b', 'second', { folderId: 'f', isFlipped: true }),
      deleteCard('a'),
      {
        opId: randomUUID(),
        entity: 'folders',
        entityId: 'f',
        kind: 'put',
        row: {
          id: 'f',
          name: '夹',
          color: '#123456',
          icon: 'Star',
          cardIds: ['b'],
          isExpanded: true,
        },
      },
      { opId: randomUUID(), entity: 'images', entityId: 'i', kind: 'put', row: generateImage() },
    ] as const satisfies readonly CardOp[]
    const deaf: typeof fetch = async (input, init) => {
      const request = new Request(input, init)
      const response = await backend.fetch(request)
      if (request.method === 'GET') return response
      throw new TypeError('answers get lost')
    }
    const left = await legacy.start({ term: 1, fetch: deaf })
    for (const op of ops) await left.running.push(op)
    await left.settle()
    await left.stop()
    const pending = (await legacy.engine.queue?.exporter?.read()) ?? []
    expect(pending.map(({ opId }) => opId)).toEqual(ops.map(({ opId }) => opId))
    await copy(legacy.engine, refactored.engine)
    await refactored.engine.queue?.importer?.stage(pending, 'h')
    await refactored.engine.queue?.importer?.activate('h')
    await legacy.engine.queue?.exporter?.seal('h')
    const right = await refactored.start({ term: 2 })
    await right.settle()
    await right.stop()
    expect(refactored.failed).toEqual([])
    expect(refactored.acked).toEqual(ops.map(({ opId }) => opId))
    expect(await legacy.engine.queue?.size()).toMatchObject({ count: 0 })
    const versions = (await backend.rows(user, 'cards')).map((row) => [row.id, row.sync_version])
    expect(versions).toEqual([
      ['a', 2],
      ['b', 1],
    ])
    expect(await readSubstance(refactored.engine)).toMatchObject({
      cards: [{ id: 'b' }],
      folders: [{ id: 'f', color: '#123456' }],
      images: [{ id: 'i' }],
    })
  })

  it('are not queued again where they were sent before', async () => {
    const user = randomUUID()
    for (const rig of [rigLegacy({ backend, user }), rigRefactored({ backend, user })]) {
      const known = putCard('known', 'sent')
      const fresh = putCard('fresh', 'moved in')
      const { running, settle, stop } = await rig.start()
      await running.push(known)
      await settle()
      await stop()
      const queue = rig.engine.queue
      await queue?.importer?.stage(
        [known, fresh].map((op) => ({ opId: op.opId, op, userId: user, state: 'open' as const })),
        'h',
      )
      await queue?.importer?.activate('h')
      expect((await queue?.exporter?.read())?.map(({ opId }) => opId)).toEqual([fresh.opId])
    }
  })

  it('reach the server from the queue of an old build, without a word of graysync in it', async () => {
    const storage = createStorage()
    const user = randomUUID()
    const { row } = putCard('card-1', 'old build')
    storage.setItem(
      'cardall_sync_queue',
      JSON.stringify([
        {
          type: 'create',
          table: 'cards',
          localId: 'card-1',
          data: row,
          timestamp: '2025-09-01T00:00:00.000Z',
          retryCount: 0,
        },
      ]),
    )
    const legacy = rigLegacy({ backend, storage, user })
    const { settle, stop } = await legacy.start()
    await settle()
    await stop()
    expect(await backend.rows(user, 'cards')).toMatchObject([{ id: 'card-1' }])
  })
})

function generateImage() {
  const [image] = generateCards({ seed: 4, cards: 1, images: 1 }).images
  return { ...toPlain(image ?? {}), id: 'i' }
}
