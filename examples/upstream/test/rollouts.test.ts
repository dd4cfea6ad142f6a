import type { Rollout } from 'graysync/rollout'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Bench, listen, openBench } from './support.js'

// Each test file opens databases, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 })

let bench: Bench
let stranger: Bench
beforeAll(async () => {
  bench = await openBench()
  stranger = await openBench()
})
afterAll(() => Promise.all([bench.database.close(), stranger.database.close()]))

function rollout(name: string, version: number, more: Partial<Rollout> = {}): Rollout {
  return {
    schema: 1,
    rollout: name,
    version,
    issuedAt: 1_700_000_000_000,
    hash: { version: 1, salt: 'salt' },
    stage: 'first',
    stages: [{ name: 'first', share: 10_000 }],
    ...more,
  }
}

async function publish(name: string, envelope: string) {
  const response = await bench.app.request(`/rollouts/${name}`, { method: 'PUT', body: envelope })
  return { status: response.status, body: await response.json() }
}

const get = (name: string, headers: Record<string, string> = {}) =>
  bench.app.request(`/rollouts/${name}`, { headers })

describe('reading', () => {
  test('the document comes as it was signed, with what a cache needs', async () => {
    const envelope = await bench.sign(rollout('read', 1))
    await publish('read', envelope)
    const response = await get('read')
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toBe('application/jose')
    expect(response.headers.get('Cache-Control')).toBe('no-cache')
    expect(response.headers.get('ETag')).toMatch(/^"[\w-]+"$/)
    expect(Math.abs(Date.parse(response.headers.get('Date') ?? '') - Date.now())).toBeLessThan(
      5_000,
    )
    expect(await response.text()).toBe(envelope)
  })

  test('a client that holds it is told so without a body, until a newer one is published', async () => {
    await publish('etag', await bench.sign(rollout('etag', 1)))
    const etag = (await get('etag')).headers.get('ETag') ?? ''
    for (const held of [etag, `"x", ${etag}`, `W/${etag}`, '*']) {
      const response = await get('etag', { 'If-None-Match': held })
      expect(response.status).toBe(304)
      expect(await response.text()).toBe('')
      expect(response.headers.get('ETag')).toBe(etag)
      expect(response.headers.get('Date')).not.toBeNull()
    }
    await publish('etag', await bench.sign(rollout('etag', 2)))
    expect((await get('etag', { 'If-None-Match': etag })).status).toBe(200)
  })

  test('an unknown rollout is not found, and no name reaches beyond its table', async () => {
    expect((await get('none')).status).toBe(404)
    for (const name of ['Upper', '-x', 'a%2Fb', 'a'.repeat(65)]) {
      expect((await get(name)).status).toBe(404)
    }
  })
})

describe('publishing', () => {
  test('a signed document of a higher version is taken, and the same one again is no error', async () => {
    const envelope = await bench.sign(rollout('up', 5))
    expect(await publish('up', envelope)).toEqual({ status: 201, body: { version: 5 } })
    expect(await publish('up', envelope)).toEqual({ status: 200, body: { version: 5 } })
    expect((await publish('up', await bench.sign(rollout('up', 6)))).status).toBe(201)
  })

  test('a tampered document, one of another key and one that is no document are refused', async () => {
    const envelope = await bench.sign(rollout('forged', 1))
    const [head, payload = '', signature] = envelope.split('.')
    const text = Buffer.from(payload, 'base64url').toString().replace('10000', '99999')
    const forged = [head, Buffer.from(text).toString('base64url'), signature].join('.')
    const foreign = await stranger.sign(rollout('forged', 1))
    for (const body of [forged, foreign, `${head}.${payload}.`, '', '{"kill":true}']) {
      const answer = await publish('forged', body)
      expect([answer.status, answer.body.code]).toEqual([403, 'ROLLOUT_SIGNATURE'])
    }
    expect((await get('forged')).status).toBe(404)
  })

  test('an older version, and another document of the same version, are refused', async () => {
    const newest = await bench.sign(rollout('old', 5))
    await publish('old', newest)
    for (const version of [4, 5]) {
      const answer = await publish('old', await bench.sign(rollout('old', version, { kill: true })))
      expect([answer.status, answer.body.code]).toEqual([409, 'ROLLOUT_REPLAY'])
    }
    expect(await (await get('old')).text()).toBe(newest)
  })

  test('a document of another name, of another salt or of another shape is refused by its field', async () => {
    await publish('strict', await bench.sign(rollout('strict', 1)))
    const named = await publish('strict', await bench.sign(rollout('other', 2)))
    expect([named.status, named.body.field]).toEqual([400, 'rollout'])
    const salt = { hash: { version: 1, salt: 'another' } } as const
    const salted = await publish('strict', await bench.sign(rollout('strict', 2, salt)))
    expect([salted.status, salted.body.field]).toEqual([409, 'hash.salt'])
    const wrong = rollout('strict', 2, { stages: [{ name: 'first', share: 100_001 }] })
    const shaped = await publish('strict', await bench.sign(wrong))
    expect([shaped.status, shaped.body.code]).toEqual([400, 'ROLLOUT_SCHEMA'])
    expect(shaped.body.message).toContain('share')
  })

  test('a document above 256 KiB is refused before it is read', async () => {
    const answer = await publish('huge', 'a'.repeat(256 * 1024 + 1))
    expect([answer.status, answer.body.code]).toEqual([413, 'SIZE'])
  })

  test('of many publishers at once the highest version is in force', async () => {
    const envelopes = await Promise.all([3, 1, 5, 2, 4].map((n) => bench.sign(rollout('race', n))))
    const answers = await Promise.all(envelopes.map((envelope) => publish('race', envelope)))
    expect(answers.filter((answer) => answer.status === 201).length).toBeGreaterThan(0)
    expect(await (await get('race')).text()).toBe(envelopes[2])
  })
})

describe('the stream', () => {
  test('it tells the version in force, then each newer one of its rollout', async () => {
    await publish('live', await bench.sign(rollout('live', 1)))
    const events = await listen(bench.app, '/rollouts/live/stream')
    expect(await events.next()).toEqual({ event: 'rollout', data: '{"version":1}' })
    await publish('elsewhere', await bench.sign(rollout('elsewhere', 9)))
    await publish('live', await bench.sign(rollout('live', 2)))
    expect(await events.next()).toEqual({ event: 'rollout', data: '{"version":2}' })
    await events.close()
  })

  test('it waits for the first version of a rollout that has none', async () => {
    const events = await listen(bench.app, '/rollouts/later/stream')
    await publish('later', await bench.sign(rollout('later', 7)))
    expect(await events.next()).toEqual({ event: 'rollout', data: '{"version":7}' })
    await events.close()
  })
})
