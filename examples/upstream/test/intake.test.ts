import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { pruneRecords } from '../src/intake.js'
import { type Bench, openBench } from './support.js'
import { logs, record } from './telemetry.js'

// Each test file opens databases, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 })

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.database.close())

async function post(body: unknown, headers: Record<string, string> = {}) {
  const response = await bench.app.request('/v1/logs', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: body instanceof Buffer ? new Uint8Array(body) : JSON.stringify(body),
  })
  return { status: response.status, body: await response.json() }
}

const stored = (uid: string) =>
  bench.database.query('select * from graysync_records where uid = $1', [uid])

test('a record is stored with its resource, its attributes as plain values and its text', async () => {
  const uid = randomUUID()
  const at = Date.parse('2026-05-01T10:20:30.456Z')
  const one = record(
    'graysync.sync.window',
    { 'graysync.acked': 12, ratio: 0.5, list: ['a', true] },
    { uid, at },
  )
  expect(await post(logs('device-1', [one]))).toEqual({ status: 200, body: {} })
  const [row] = await stored(uid)
  expect(row).toMatchObject({
    name: 'graysync.sync.window',
    at: new Date(at),
    installation: 'device-1',
    service: 'CardEverything',
    service_version: '5.7.0',
    attributes: { 'graysync.acked': 12, ratio: 0.5, list: ['a', true] },
  })
})

test('a record that comes twice, in one request or in two, is stored once', async () => {
  const uid = randomUUID()
  const one = record('exception', {}, { uid, body: 'first' })
  await post(logs('device-1', [one, one]))
  const again = await post(logs('device-1', [record('exception', {}, { uid, body: 'second' })]))
  expect(again).toEqual({ status: 200, body: {} })
  const rows = await stored(uid)
  expect(rows.map((row) => row.body)).toEqual(['first'])
})

test('wrong records are counted out and do not cost the others', async () => {
  const good = record('exception', {})
  const wrong = [
    { ...record('a', {}), attributes: [] },
    { ...record('a', {}), timeUnixNano: 'soon' },
    { ...record('a', {}), timeUnixNano: undefined },
    record('a', {}, { uid: 'x'.repeat(201) }),
    record('a', { text: 'half \ud800' }),
    record('a', { text: 'nothing \0' }),
    record('a', {}, { body: 'x'.repeat(70_000) }),
    'no record',
  ]
  const answer = await post(logs('device-1', [...wrong, good]))
  expect(answer.status).toBe(200)
  expect(answer.body).toEqual({
    partialSuccess: { rejectedLogRecords: '8', errorMessage: expect.any(String) },
  })
  expect(await stored(good.uid)).toHaveLength(1)
})

test('a packed body is read, one that unpacks without end is refused', async () => {
  const one = record('exception', {})
  const packed = gzipSync(JSON.stringify(logs('device-1', [one])))
  expect((await post(packed, { 'Content-Encoding': 'gzip' })).status).toBe(200)
  expect(await stored(one.uid)).toHaveLength(1)
  const bomb = gzipSync(Buffer.alloc(5 * 1024 * 1024, 32))
  expect((await post(bomb, { 'Content-Encoding': 'gzip' })).status).toBe(413)
  expect((await post(Buffer.from('no gzip'), { 'Content-Encoding': 'gzip' })).status).toBe(400)
  expect((await post(packed, { 'Content-Encoding': 'br' })).status).toBe(415)
})

test('what is not OTLP JSON is refused', async () => {
  expect((await post(logs('d', []), { 'Content-Type': 'application/x-protobuf' })).status).toBe(415)
  expect((await post(Buffer.from('{'))).status).toBe(400)
  const frame = await post({ resourceLogs: [{ scopeLogs: 'none' }] })
  expect([frame.status, frame.body.field]).toEqual([400, 'resourceLogs.0.scopeLogs'])
  expect((await post(Buffer.alloc(4 * 1024 * 1024 + 1, 32))).status).toBe(413)
  const many = Array.from({ length: 5_001 }, () => 'no record')
  expect((await post(logs('d', many))).status).toBe(413)
  expect(await post({})).toEqual({ status: 200, body: {} })
})

test('a device stands where its newest record says, whatever the order of arrival', async () => {
  const at = Date.now() - 60_000
  const place = (engine: string, stage: string, ms: number) =>
    record(
      'graysync.sync.window',
      { 'graysync.engine': engine, 'graysync.stage': stage },
      { at: at + ms },
    )
  await post(logs('moving', [place('legacy', 'ten', 0)]))
  await post(logs('moving', [place('refactored', 'fifty', 2_000)]))
  await post(logs('moving', [place('legacy', 'ten', 1_000)]))
  const [device] = await bench.database.query(
    'select engine, stage from graysync_devices where installation = $1',
    ['moving'],
  )
  expect(device).toEqual({ engine: 'refactored', stage: 'fifty' })
})

test('a clock that runs years ahead does not nail a device down', async () => {
  const ahead = Date.now() + 1e11
  const place = (engine: string, at: number) => record('a', { 'graysync.engine': engine }, { at })
  await post(logs('ahead', [place('legacy', ahead)]))
  await post(logs('ahead', [place('refactored', ahead + 1)]))
  const [device] = await bench.database.query(
    'select engine, last_seen <= now() as past from graysync_devices where installation = $1',
    ['ahead'],
  )
  expect(device).toEqual({ engine: 'refactored', past: true })
})

test('records are kept for 90 days', async () => {
  const [old, young] = [record('a', {}), record('a', {})]
  await post(logs('d', [old, young]))
  await bench.database.query(
    "update graysync_records set received_at = now() - interval '91 days' where uid = $1",
    [old.uid],
  )
  await pruneRecords(bench.database)
  expect([await stored(old.uid), await stored(young.uid)].map((rows) => rows.length)).toEqual([
    0, 1,
  ])
})
