import { scoreCsat, scoreNps } from 'graysync/rollout'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Bench, listen, openBench } from './support.js'
import { logs, type OtlpRecord, record } from './telemetry.js'

// Each test file opens databases, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 })

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.database.close())

const send = (installation: string, records: readonly OtlpRecord[]) =>
  bench.app.request('/v1/logs', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(logs(installation, records)),
  })

async function figures() {
  const response = await bench.app.request('/dashboard/data')
  expect(response.status).toBe(200)
  return response.json()
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

test('an upstream that has heard nothing shows nothing', async () => {
  const { database, app } = await openBench()
  expect(await (await app.request('/dashboard/data')).json()).toEqual({
    at: expect.any(String),
    devices: { total: 0, active: 0, places: [] },
    rollouts: [],
    sync: [],
    trend: [],
    errors: [],
    handovers: { committed: 0, aborted: 0, moved: 0, recent: [] },
    divergences: [],
    surveys: [],
    feedback: { count: 0, rating: null, urgent: 0, categories: {}, days: [], recent: [] },
  })
  await database.close()
})

test('devices are counted once each, by the engine and stage they are in', async () => {
  const place = (engine: string, stage: string, at = Date.now()) =>
    record('graysync.sync.window', { 'graysync.engine': engine, 'graysync.stage': stage }, { at })
  // Of two records of the same millisecond the later in the batch is the newer.
  const now = Date.now()
  await send('device-1', [place('legacy', 'ten', now), place('refactored', 'ten', now)])
  await send('device-2', [place('refactored', 'ten')])
  await send('device-3', [place('legacy', 'ten', Date.now() - 2 * HOUR_MS)])
  await send('device-4', [place('legacy', 'ten', Date.now() - 8 * DAY_MS)])
  expect((await figures()).devices).toEqual({
    total: 3,
    active: 2,
    places: [
      { engine: 'refactored', stage: 'ten', devices: 2 },
      { engine: 'legacy', stage: 'ten', devices: 1 },
    ],
  })
})

test('errors are grouped by fingerprint, with the devices that they touched', async () => {
  const error = (fingerprint: string, message: string) =>
    record('exception', {
      'graysync.engine': 'refactored',
      'graysync.fingerprint': fingerprint,
      'exception.type': 'TypeError',
      'exception.message': message,
    })
  await send('device-1', [error('f1', 'one'), error('f1', 'one'), error('f2', 'two')])
  await send('device-2', [error('f1', 'one')])
  expect((await figures()).errors).toMatchObject([
    { fingerprint: 'f1', type: 'TypeError', count: 3, devices: 2, engines: ['refactored'] },
    { fingerprint: 'f2', message: 'two', count: 1, devices: 1 },
  ])
})

test('handovers, divergences and sync windows are summed', async () => {
  const handover = (outcome: string, moved: number) =>
    record('graysync.handover', {
      'graysync.handover.from': 'legacy',
      'graysync.handover.to': 'refactored',
      'graysync.handover.outcome': outcome,
      'graysync.handover.moved': moved,
      'graysync.handover.duration.ms': 12.5,
    })
  const divergence = (count: number) =>
    record('graysync.divergence', {
      'graysync.divergence.table': 'cards',
      'graysync.divergence.kind': 'changed',
      'graysync.divergence.count': count,
      'graysync.divergence.paths': 'style.type',
    })
  const at = Date.now()
  const window = (acked: number, failed: number) =>
    record(
      'graysync.sync.window',
      { 'graysync.engine': 'refactored', 'graysync.acked': acked, 'graysync.failed': failed },
      { at },
    )
  await send('device-1', [handover('committed', 3), handover('aborted', 0), divergence(2)])
  await send('device-2', [divergence(3), window(10, 1), window(5, 0)])
  const { handovers, divergences, sync, trend } = await figures()
  expect(handovers).toMatchObject({ committed: 1, aborted: 1, moved: 3 })
  expect(handovers.recent).toHaveLength(2)
  expect(divergences).toMatchObject([
    { table: 'cards', kind: 'changed', paths: 'style.type', count: 5, devices: 2 },
  ])
  expect(sync).toContainEqual({ engine: 'refactored', acked: 15, failed: 1, devices: 2 })
  expect(trend.at(-1)).toMatchObject({ engine: 'refactored', acked: 15, failed: 1 })
})

test('a feedback entry that is sent twice is shown once, as it was written', async () => {
  const text = '<b onclick="alert(1)">卡片</b> & "more"'
  const entry = record(
    'graysync.feedback.submitted',
    { 'graysync.feedback.rating': 4, 'graysync.feedback.category': 'idea' },
    { body: text },
  )
  await send('device-1', [entry])
  await send('device-1', [entry])
  const { feedback } = await figures()
  expect(feedback).toMatchObject({ count: 1, rating: 4 })
  expect(feedback.recent).toMatchObject([{ text, category: 'idea', rating: 4, version: '5.7.0' }])
  expect(feedback).toMatchObject({ urgent: 0, categories: { idea: 1 } })
  expect(feedback.days).toMatchObject([{ entries: 1, rating: 4 }])
})

test('who rates lowest, can’t go on or sends an error along is read first', async () => {
  const say = (attributes: Record<string, string | number>, body: string) =>
    record('graysync.feedback.submitted', attributes, { body })
  await send('device-7', [
    say({ 'graysync.feedback.rating': 2 }, 'unhappy'),
    say({ 'graysync.feedback.severity': 'high' }, 'stuck'),
    say({ 'graysync.feedback.context.error': 'STORE' }, 'broken'),
    say({ 'graysync.feedback.rating': 3, 'graysync.feedback.severity': 'low' }, 'fine'),
  ])
  const { feedback } = await figures()
  const urgent = feedback.recent.filter((entry: { urgent: boolean }) => entry.urgent)
  expect(urgent.map((entry: { text: string }) => entry.text).sort()).toEqual([
    'broken',
    'stuck',
    'unhappy',
  ])
  expect(feedback.recent.slice(0, 3)).toEqual(urgent)
  expect(feedback.urgent).toBe(3)
})

test('surveys are scored as the package scores them', async () => {
  const answers = { csat: [5, 4, 2], nps: [10, 9, 8, 3, 0] }
  const answer = (kind: string, score: number) =>
    record('graysync.survey.answered', {
      'graysync.survey.id': 'one',
      'graysync.survey.kind': kind,
      'graysync.survey.score': score,
    })
  await send('device-8', [
    ...answers.csat.map((score) => answer('csat', score)),
    ...answers.nps.map((score) => answer('nps', score)),
    answer('nps', 99),
  ])
  const { surveys } = await figures()
  const [csat, nps] = ['csat', 'nps'].map((kind) =>
    surveys.find((survey: { kind: string }) => survey.kind === kind),
  )
  expect(csat).toMatchObject({ id: 'one', answers: 3 })
  expect(csat.score).toBeCloseTo(scoreCsat(answers.csat).score ?? Number.NaN, 3)
  expect(nps).toMatchObject({ id: 'one', answers: 5 })
  expect(nps.score).toBeCloseTo(scoreNps(answers.nps).score ?? Number.NaN, 3)
})

test('values of a wrong type break no figure', async () => {
  const wrong = {
    'graysync.acked': 'many',
    'graysync.failed': true,
    'graysync.rollout.version': 1e300,
  }
  await send('device-9', [
    record('graysync.sync.window', wrong),
    record('graysync.handover', { 'graysync.handover.moved': [1] }),
    record('graysync.feedback.submitted', { 'graysync.feedback.rating': 'NaN' }),
  ])
  expect((await figures()).feedback.count).toBeGreaterThan(0)
})

test('the rollout in force is shown without the ids it names', async () => {
  const rollout = (version: number, stage: string) => ({
    schema: 1,
    rollout: 'sync-engine',
    version,
    issuedAt: 1,
    hash: { version: 1, salt: 's' },
    deny: ['user-1'],
    stage,
    stages: [{ name: 'ten', share: 10_000 }],
  })
  for (const version of [1, 2]) {
    const body = await bench.sign(rollout(version, 'ten'))
    await bench.app.request('/rollouts/sync-engine', { method: 'PUT', body })
  }
  const { rollouts } = await figures()
  expect(rollouts).toMatchObject([{ name: 'sync-engine', version: 2, rollout: { stage: 'ten' } }])
  expect(JSON.stringify(rollouts)).not.toContain('user-1')
})

test('the stream says at once and at each change that there are figures to read', async () => {
  const events = await listen(bench.app, '/dashboard/stream')
  expect((await events.next()).event).toBe('changed')
  await send('device-1', [record('exception', {})])
  expect((await events.next()).event).toBe('changed')
  await send('device-1', [record('exception', {})])
  await send('device-1', [record('exception', {})])
  expect((await events.next()).event).toBe('changed')
  await events.close()
})

test('a password, where one is set, keeps page, figures and stream', async () => {
  const { app, database } = await openBench({ dashboardPassword: 'open sesame' })
  const paths = ['/dashboard', '/dashboard/data', '/dashboard/stream', '/dashboard/dashboard.js']
  for (const path of paths) expect((await app.request(path)).status).toBe(401)
  const headers = { Authorization: `Basic ${btoa('me:open sesame')}` }
  expect((await app.request('/dashboard/data', { headers })).status).toBe(200)
  const wrong = { Authorization: `Basic ${btoa('me:guess')}` }
  expect((await app.request('/dashboard/data', { headers: wrong })).status).toBe(401)
  await database.close()
})
