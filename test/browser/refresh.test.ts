import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createRefresh, type Refresh } from '../../src/flows/refresh.js'
import type { Rollout } from '../../src/model/rollout.js'
import { browserPlatform } from '../../src/platform/platform.js'
import { signRollout } from '../../src/rollout/sign.js'
import { type GraySyncDatabase, openDatabase } from '../../src/store/database.js'

const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
  'sign',
  'verify',
])
const jwk = async (key: CryptoKey) => ({
  ...(await crypto.subtle.exportKey('jwk', key)),
  kid: 'one',
})
const [privateKey, publicKey] = [await jwk(pair.privateKey), await jwk(pair.publicKey)]
const rollout: Rollout = {
  schema: 1,
  rollout: 'sync-engine',
  version: 7,
  issuedAt: 1_700_000_000_000,
  hash: { version: 1, salt: 'salt' },
  stage: null,
  stages: [],
}
const envelope = await signRollout(rollout, privateKey, crypto.subtle)

let database: GraySyncDatabase
let end: AbortController
let asked: number
beforeEach(async () => {
  database = await openDatabase(browserPlatform())
  await database.clear('rollout')
  end = new AbortController()
  asked = 0
})
afterEach(() => {
  end.abort()
  database.close()
})

function start(): Refresh & { versions: number[]; errors: string[] } {
  const versions: number[] = []
  const errors: string[] = []
  const refresh = createRefresh({
    platform: {
      ...browserPlatform(),
      fetch: async () => {
        asked += 1
        return new Response(envelope, { headers: { etag: '"7"' } })
      },
    },
    options: { url: '/rollout', keys: [publicKey] },
    database,
    seen: { read: async () => ({ version: 0 }), raise: async () => true },
    onRollout: ({ version }) => versions.push(version),
    onError: ({ code }) => errors.push(code),
    signal: end.signal,
  })
  return { ...refresh, versions, errors }
}

test('a rollout is verified, cached, and verified again at the next load', async () => {
  await start().refresh()
  const next = start()
  expect(await next.load()).toEqual(rollout)
  expect(next.errors).toEqual([])
})

test('a cache with one changed character is dropped, and heals', async () => {
  await start().refresh()
  const record = await database.get('rollout', 'rollout')
  if (!record) throw new Error('nothing cached')
  const at = envelope.indexOf('.') + 20
  const other = envelope[at] === 'A' ? 'B' : 'A'
  const torn = `${envelope.slice(0, at)}${other}${envelope.slice(at + 1)}`
  await database.put('rollout', { ...record, envelope: torn, writtenAt: 1 })
  const { load, refresh, errors } = start()
  expect(await load()).toBeNull()
  expect(errors).toEqual(['ROLLOUT_SIGNATURE'])
  await refresh()
  expect(await start().load()).toEqual(rollout)
})

test('two handles ask once, through the browser’s own locks and channels', async () => {
  const [first, second] = [start(), start()]
  await Promise.all([first.refresh(), second.refresh()])
  await vi.waitFor(() => expect([first.versions, second.versions]).toEqual([[7], [7]]))
  expect(asked).toBe(1)
})

test('watching asks in a visible page, and ends with the signal', async () => {
  const { watch, versions } = start()
  watch()
  await vi.waitFor(() => expect(versions).toEqual([7]))
  end.abort()
  document.dispatchEvent(new Event('visibilitychange'))
  globalThis.dispatchEvent(new Event('online'))
  await vi.waitFor(async () => {
    const { held = [] } = await navigator.locks.query()
    expect(held.filter(({ name }) => name?.startsWith('graysync'))).toEqual([])
  })
  expect(asked).toBe(1)
})
