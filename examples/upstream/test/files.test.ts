import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Bench, openBench } from './support.js'
import { logs, record } from './telemetry.js'

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 })

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.database.close())

const put = (entry: string, body: BodyInit, type = 'image/png') =>
  bench.app.request(`/v1/files/${entry}`, {
    method: 'POST',
    body,
    headers: { 'Content-Type': type },
  })
const read = (entry: string) => bench.app.request(`/dashboard/files/${entry}`)

test('a file is stored once and handed out to be saved, never as a page', async () => {
  const entry = randomUUID()
  expect((await put(entry, new Uint8Array([1, 2, 3]))).status).toBe(200)
  expect((await put(entry, new Uint8Array([9, 9, 9]))).status).toBe(200)
  const answer = await read(entry)
  expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([1, 2, 3])
  expect(answer.headers.get('Content-Type')).toBe('image/png')
  expect(answer.headers.get('Content-Disposition')).toBe('attachment; filename="feedback.png"')
  expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff')
})

test('what is no file of feedback is refused, and nothing is stored', async () => {
  const entry = randomUUID()
  const [html, empty, large, nameless] = await Promise.all([
    put(entry, '<script>alert(1)</script>', 'text/html'),
    put(entry, ''),
    put(entry, new Uint8Array(5_000_001)),
    put('..%2F..%2Fetc', new Uint8Array([1])),
  ])
  expect([html.status, empty.status, large.status, nameless.status]).toEqual([415, 400, 413, 400])
  expect((await read(entry)).status).toBe(404)
})

test('an installation that is forgotten leaves no record, no file and no device', async () => {
  const [mine, other] = [`installation-${randomUUID()}`, `installation-${randomUUID()}`]
  const uids = [randomUUID(), randomUUID()]
  for (const [at, installation] of [mine, other].entries()) {
    const entry = record('graysync.feedback.submitted', {}, { uid: uids[at] ?? '', body: 'see' })
    await bench.app.request('/v1/logs', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(logs(installation, [entry])),
    })
    await put(uids[at] ?? '', new Uint8Array([1]))
  }
  const gone = await bench.app.request(`/v1/installations/${mine}`, { method: 'DELETE' })
  expect(gone.status).toBe(200)
  for (const table of ['graysync_records', 'graysync_devices']) {
    const rows = await bench.database.query<{ installation: string }>(
      `select installation from ${table} where installation in ($1, $2)`,
      [mine, other],
    )
    expect(rows).toEqual([{ installation: other }])
  }
  expect((await read(uids[0] ?? '')).status).toBe(404)
  expect((await read(uids[1] ?? '')).status).toBe(200)
  expect((await bench.app.request('/v1/installations/%27', { method: 'DELETE' })).status).toBe(400)
})
