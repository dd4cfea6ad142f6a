import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, expect, test } from 'vitest'
import type { CachedRollout } from '../../src/model/rollout.js'
import { type Cache, createCache } from '../../src/rollout/cache.js'
import { type GraySyncDatabase, openDatabase } from '../../src/store/database.js'
import { createBrowser, type Tab } from '../support/tabs.js'

let tab: Tab
let database: GraySyncDatabase
let cache: Cache
beforeEach(async () => {
  tab = createBrowser().tab({ indexedDB: new IDBFactory() })
  database = await openDatabase(tab.platform)
  cache = createCache(tab.platform, database)
})

const make = (version: number, envelope = `v${version}`): CachedRollout => ({
  key: 'rollout',
  envelope,
  version,
  etag: '"1"',
  writtenAt: 5,
})

test('what was written is read', async () => {
  expect(await cache.read()).toBeNull()
  expect(await cache.write(make(2))).toBe('written')
  expect(await cache.read()).toEqual(make(2))
})

test('a higher version and the same one replace what is there, a lower one does not', async () => {
  await cache.write(make(2))
  expect(await cache.write(make(2, 'signed again'))).toBe('written')
  expect(await cache.write(make(3))).toBe('written')
  expect(await cache.write(make(2))).toBe('older')
  expect(await cache.read()).toEqual(make(3))
})

test.each([
  ['no envelope', { envelope: undefined }],
  ['an envelope that is no text', { envelope: 5 }],
  ['a version that is no integer', { version: 1.5 }],
  ['no version', { version: undefined }],
  ['a tag that is no text', { etag: 5 }],
  ['no instant', { writtenAt: 'yesterday' }],
])('a record with %s is refused, and gives way to a good one', async (_, changes) => {
  await database.put('rollout', { ...make(9), ...changes } as CachedRollout)
  await expect(cache.read()).rejects.toMatchObject({ code: 'ROLLOUT_SCHEMA' })
  expect(await cache.write(make(1))).toBe('written')
  expect(await cache.read()).toEqual(make(1))
})

test('dropping takes the bad record, and not the good one that another tab put in its place', async () => {
  await cache.write(make(2))
  await cache.drop(make(1))
  await cache.drop(null)
  expect(await cache.read()).toEqual(make(2))
  await cache.drop(make(2))
  expect(await cache.read()).toBeNull()
})

test('dropping takes a record without a shape', async () => {
  await database.put('rollout', { key: 'rollout', torn: true } as unknown as CachedRollout)
  await cache.drop(null)
  expect(await database.get('rollout', 'rollout')).toBeUndefined()
})

test('without a database nothing is there and nothing is written', async () => {
  const none = createCache(tab.platform, null)
  expect(await none.write(make(1))).toBe('absent')
  expect(await none.read()).toBeNull()
  await none.drop(null)
})

test('a connection that was closed is a store error', async () => {
  database.close()
  await expect(cache.read()).rejects.toMatchObject({ code: 'STORE' })
  await expect(cache.write(make(1))).rejects.toMatchObject({ code: 'STORE' })
})

test('a store that hangs is given up', async () => {
  const silent = { get: () => new Promise(() => {}) } as unknown as GraySyncDatabase
  const reading = createCache(tab.platform, silent).read()
  tab.advance(2_000)
  await expect(reading).rejects.toMatchObject({ code: 'STORE_BLOCKED' })
})
