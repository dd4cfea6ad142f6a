import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, it } from 'vitest'
import {
  type BackupOrder,
  createBackup,
  DOOMED,
  deleteBackup,
  dropDoomed,
  pagesOf,
  putAll,
  readManifests,
  readPart,
} from '../../src/engine/backup.js'
import { stepControl } from '../../src/engine/control.js'
import { digest } from '../../src/lib/digest.js'
import type { Operation, Pending } from '../../src/model/operation.js'
import type { Platform } from '../../src/model/platform.js'
import type { Source } from '../../src/model/source.js'
import { connectControl, openControl } from '../../src/store/control.js'
import { createFakeEngine, createWorld } from '../../src/testing.js'
import { createFaultyFactory } from '../support/faulty-indexeddb.js'
import { writeOnceRead } from '../support/interpose.js'

const toPending = (opId: string): Pending<Operation> => ({
  opId,
  op: { entity: 'cards', entityId: 'a', kind: 'put' },
  userId: 'ann',
  state: 'open',
})
const PENDING = [toPending('one')]

function createData(rows: number): Source {
  const { data, disk } = createFakeEngine(['cards', 'tags'])
  if (!data) throw new Error('no data')
  const cards = Array.from({ length: rows }, (_, n) => `card-${String(n).padStart(4, '0')}`)
  disk.rows.set('cards', new Map(cards.map((id) => [id, { id }])))
  disk.rows.set('tags', new Map([['t', { id: 't', at: new Date(5) }]]))
  return data
}

function open(change: Partial<BackupOrder> = {}) {
  const platform: Platform = change.platform ?? createWorld({ indexedDB: new IDBFactory() }).tab()
  const control = change.control ?? connectControl(platform)
  const order: BackupOrder = {
    platform,
    control,
    hid: 'h1',
    from: 'legacy',
    to: 'refactored',
    userId: 'ann',
    withRows: true,
    isMine: () => true,
    ...change,
  }
  const write = async (
    data = createData(450),
    { pending = PENDING, ...more }: Partial<BackupOrder> & { pending?: typeof PENDING } = {},
  ) => {
    const backup = createBackup({ ...order, ...more })
    await putAll(backup, data)
    return backup.seal(pending)
  }
  return { platform, control, order, write }
}

/** Changes each part before it reaches the disk. */
async function tamper(change: (value: unknown) => unknown, run: () => Promise<unknown>, nth = 2) {
  const { put } = IDBObjectStore.prototype
  IDBObjectStore.prototype.put = function (row, key) {
    const isPart = this.name === 'backup' && row.part === nth
    return put.call(this, isPart ? { ...row, value: change(row.value) } : row, key)
  }
  try {
    await run()
  } finally {
    IDBObjectStore.prototype.put = put
  }
}

describe('a backup', () => {
  it('holds the operations and every row, in parts that its manifest counts', async () => {
    const { platform, control, write } = open()
    const manifest = await write()
    expect(manifest).toMatchObject({ operations: 1, rows: 451, withRows: true })
    expect(manifest.parts.map(({ table, count }) => [table, count])).toEqual([
      [null, 1],
      ['cards', 4],
      ['cards', 16],
      ['cards', 64],
      ...Array(3).fill(['cards', 100]),
      ['cards', 66],
      ['tags', 1],
    ])
    expect(await readManifests(control)).toEqual([manifest])
    expect(await readPart(platform, control, manifest, 1)).toEqual(PENDING)
    expect(await readPart(platform, control, manifest, manifest.parts.length)).toEqual([
      { key: 't', row: { id: 't', at: new Date(5) } },
    ])
    control.close()
  })

  it('holds thousands of operations in parts of a page each, in their order, and all are verified', async () => {
    const { platform, control, write } = open()
    const pending = Array.from({ length: 500 }, (_, n) => toPending(`op-${n}`))
    const { parts, ...manifest } = await write(createData(40), { pending })
    expect(manifest).toMatchObject({ operations: 500, rows: 41 })
    expect(parts.map(({ table, count }) => [table, count])).toEqual([
      [null, 4],
      ['cards', 4],
      ['cards', 16],
      ['cards', 20],
      ['tags', 1],
      [null, 16],
      [null, 64],
      ...Array(4).fill([null, 100]),
      [null, 16],
    ])
    const held: unknown[] = []
    for (const [index, { table }] of parts.entries()) {
      const values = await readPart(platform, control, { ...manifest, parts }, index + 1)
      if (table === null) held.push(...values)
    }
    expect(held).toEqual(pending)
    for (const part of [1, parts.length]) {
      const writing = () =>
        expect(write(createData(40), { pending })).rejects.toMatchObject({ code: 'BACKUP' })
      await tamper(() => [], writing, part)
    }
    control.close()
  })

  it('of operations alone says that it has no rows', async () => {
    const { control, write } = open({ withRows: false })
    expect(await write()).toMatchObject({ operations: 1, rows: 0, withRows: false })
    control.close()
  })

  it('needs WebCrypto', async () => {
    const { control, order, write } = open()
    const platform = { ...order.platform, subtle: null }
    await expect(write(createData(1), { platform })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    control.close()
  })

  it.each<[string, (value: unknown) => unknown]>([
    ['a row short', (value) => (value as unknown[]).slice(1)],
    ['a row changed', (value) => [{ key: 'x', row: {} }, ...(value as unknown[]).slice(1)]],
    ['two rows swapped', (value) => [...(value as unknown[])].reverse()],
    ['empty', () => []],
    ['no list', () => 'torn'],
  ])('with a part that is %s on the disk is refused', async (_, change) => {
    const { control, write } = open()
    await tamper(change, () => expect(write()).rejects.toMatchObject({ code: 'BACKUP' }))
    control.close()
  })

  it.each([
    ['its last rows', 5],
    ['its operations', 6],
    ['its manifest', 7],
  ])('is none where %s find no room at the commit', async (_, nth) => {
    const disk = createFaultyFactory()
    const platform = createWorld({ indexedDB: disk.factory }).tab()
    const control = connectControl(platform)
    const { write } = open({ platform, control })
    // First it is emptied.
    let writes = -1
    disk.full = (stores) => stores.contains('backup') && ++writes === nth
    await expect(write()).rejects.toMatchObject({ code: 'QUOTA' })
    expect(await readManifests(control)).toEqual([])
    control.close()
  })

  it('replaces what an earlier attempt of the same handover left', async () => {
    const { control, write } = open()
    await write()
    await write(createData(0))
    const parts = await control.run((db) => db.getAllKeys('backup'))
    expect(parts).toEqual([0, 1, 2].map((part) => ['h1', part]))
    control.close()
  })

  it.each<[string, (value: unknown) => unknown]>([
    ['a row short', (value) => (value as unknown[]).slice(1)],
    ['gone', () => null],
  ])('with a part that was %s since is not read', async (_, change) => {
    const { platform, control, write } = open()
    const manifest = await write()
    await control.run(async (db) => {
      const row = await db.get('backup', ['h1', 2])
      if (row) await db.put('backup', { ...row, value: change(row.value) })
    })
    expect(await readPart(platform, control, manifest, 1)).toEqual(PENDING)
    await expect(readPart(platform, control, manifest, 2)).rejects.toMatchObject({
      code: 'BACKUP',
    })
    control.close()
  })

  it('may be put together before its operations are known, and gives a row as it was put last', async () => {
    const { platform, control, order } = open()
    const backup = createBackup(order)
    const put = (n: number) => backup.put('cards', [{ key: 'a', row: { id: 'a', n } }])
    await put(1)
    await backup.verify()
    expect(await readManifests(control)).toEqual([])
    await put(2)
    const manifest = await backup.seal(PENDING)
    const last = await readPart(platform, control, manifest, manifest.parts.length)
    expect(last).toEqual([{ key: 'a', row: { id: 'a', n: 2 } }])
    control.close()
  })

  it('whose rows were spoilt after they were put is refused when it is verified', async () => {
    const { control, order } = open()
    await tamper(
      () => 'torn',
      async () => {
        const backup = createBackup(order)
        await backup.put('cards', [{ key: 'a', row: { id: 'a' } }])
        await expect(backup.verify()).rejects.toMatchObject({ code: 'BACKUP' })
      },
    )
    control.close()
  })

  it('takes nothing from a tab that lost its handover', async () => {
    const { control, order } = open()
    await stepControl(control, { at: 1, kind: 'taken' }, (present) => ({ ...present, claim: 2 }))
    const backup = createBackup({ ...order, isMine: ({ claim }) => claim === 1 })
    const putting = backup.put('cards', [{ key: 'a', row: { id: 'a' } }])
    await expect(putting).rejects.toMatchObject({ code: 'FENCED' })
    await expect(backup.seal(PENDING)).rejects.toMatchObject({ code: 'FENCED' })
    expect(await control.run((db) => db.getAllKeys('backup'))).toEqual([])
    control.close()
  })

  it('is deleted with all of its parts, and no other', async () => {
    const { platform, control, write } = open({ withRows: false })
    const manifest = await write()
    const later = { ...platform, now: () => platform.now() + 1 }
    await write(createData(1), { hid: 'h2', platform: later })
    expect((await readManifests(control)).map(({ hid }) => hid)).toEqual(['h2', 'h1'])
    await deleteBackup(control, 'h1')
    expect((await readManifests(control)).map(({ hid }) => hid)).toEqual(['h2'])
    await expect(readPart(platform, control, manifest, 1)).rejects.toMatchObject({ code: 'BACKUP' })
    control.close()
  })
})

describe('the backup of a user who left while a handover went on', () => {
  it('goes once that has ended, also where another one was to go in the same moment', async () => {
    const { platform, control, write } = open({ withRows: false })
    await write(createData(1), { hid: 'h2' })
    const db = await openControl(platform)
    await db.put('control', { key: DOOMED, value: 'h1' })
    const doomed = writeOnceRead(db, DOOMED, 'h2')
    await dropDoomed(control)
    await doomed
    await dropDoomed(control)
    expect(await readManifests(control)).toEqual([])
    db.close()
    control.close()
  })
})

describe('the pages of a table', () => {
  it.each([0, 1, 3, 4, 5, 20, 21, 400])(
    'of %i rows hold each row once, in order',
    async (count) => {
      const keys: unknown[] = []
      for await (const rows of pagesOf(createData(count), 'cards')) {
        expect(rows.length).toBeGreaterThan(0)
        keys.push(...rows.map((row) => row.key))
      }
      expect(keys).toHaveLength(count)
      expect(keys).toEqual([...new Set(keys)].sort())
    },
  )
})

describe('the pages of a source that gives fewer rows than it is asked for', () => {
  it.each([1, 25])('%i at a time hold each row once, in order', async (most) => {
    const data = createData(60)
    const { page } = data
    data.page = (table, after, limit) => page(table, after, Math.min(limit, most))
    const keys: unknown[] = []
    for await (const rows of pagesOf(data, 'cards')) keys.push(...rows.map((row) => row.key))
    expect(keys).toHaveLength(60)
    expect(keys).toEqual([...new Set(keys)].sort())
  })
})

describe('a page', () => {
  it('of heavy rows has few of them, and of light ones many', async () => {
    const sizesOf = async (rows: readonly Record<string, unknown>[]) => {
      const { data, disk } = createFakeEngine(['cards'])
      disk.rows.set('cards', new Map(rows.map((row, n) => [`${1_000 + n}`, row])))
      const sizes: number[] = []
      if (data) for await (const page of pagesOf(data, 'cards')) sizes.push(page.length)
      return sizes
    }
    const times = <T>(count: number, row: T) => Array.from({ length: count }, () => row)
    expect(await sizesOf(times(400, { title: 'a' }))).toEqual([4, 16, 64, 100, 100, 100, 16])
    const text = 'x'.repeat(100_000)
    for (const heavy of [{ text }, { file: new Blob([text]) }, { deep: [{ text }] }]) {
      expect(await sizesOf(times(50, heavy))).toEqual([4, ...Array(23).fill(2)])
    }
    expect(await sizesOf(times(6, { text: text.repeat(20) }))).toEqual([4, 1, 1])
    const mixed = times(7, [{ title: 'a' }, { text }]).flat()
    expect(await sizesOf(mixed)).toEqual([4, 4, 4, 2])
  })
})

describe('a digest', () => {
  const values: unknown[] = [
    1,
    '1',
    true,
    'true',
    null,
    'null',
    undefined,
    0,
    -0,
    Number.NaN,
    1n,
    '',
    [],
    {},
    [1],
    ['1'],
    [[1]],
    { a: 1 },
    { a: '1' },
    { a: undefined },
    { a: null },
    new Date(0),
    new Date(1),
    '1970-01-01T00:00:00.000Z',
    new Uint8Array([1]),
    new Uint8Array([1, 0]),
    new Uint16Array([1]),
    new Uint8Array([1]).buffer,
    new Uint8Array([2]).buffer,
    new Map([['a', 1]]),
    new Map([['a', 2]]),
    new Set(['a']),
    new Set(['b']),
    new Blob(['a'], { type: 'text/plain' }),
    new Blob(['b'], { type: 'text/plain' }),
    new Blob(['a'], { type: 'text/html' }),
  ]

  it('tells types and values apart', async () => {
    const { subtle } = globalThis.crypto
    const digests = await Promise.all(values.map((value) => digest(subtle, [value])))
    const twins = digests.flatMap((one, index) => {
      const first = digests.indexOf(one)
      return first === index ? [] : [[values[first], values[index]]]
    })
    expect(twins).toEqual([])
  })

  it('tells how values are spread over a list', async () => {
    const { subtle } = globalThis.crypto
    const lists = [['a', 'b'], ['ab'], ['a\nb'], [['a', 'b']], ['b', 'a'], ['a', 'b', '']]
    const digests = await Promise.all(lists.map((list) => digest(subtle, list)))
    expect(new Set(digests).size).toBe(lists.length)
  })

  it('tells of what holds itself where it does', async () => {
    const { subtle } = globalThis.crypto
    const hold = (name: string, deep: boolean) => {
      const row: Record<string, unknown> = { text: 'a graph', list: [] }
      const list = [deep ? row : []]
      return Object.assign(row, { list, [name]: deep ? list : row })
    }
    const of = (value: unknown) => digest(subtle, [value])
    expect(await of(hold('self', false))).toBe(await of(structuredClone(hold('self', false))))
    const all = await Promise.all(
      ['self', 'other'].flatMap((name) => [of(hold(name, true)), of(hold(name, false))]),
    )
    expect(new Set(all).size).toBe(4)
    // What is held twice, and not by itself, is what it is in each place.
    const shared = { n: 1 }
    expect(await of([shared, shared])).toBe(await of([{ n: 1 }, { n: 1 }]))
  })

  it('does not depend on the order of fields', async () => {
    const { subtle } = globalThis.crypto
    expect(await digest(subtle, [{ a: 1, b: 2 }])).toBe(await digest(subtle, [{ b: 2, a: 1 }]))
  })
})
