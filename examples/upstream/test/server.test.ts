import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Bench, card, openBench, signIn } from './support.js'

// Each test file opens databases, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 })

let bench: Bench
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graysync-app-'))
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), '<h1>the app</h1>')
  await writeFile(join(folder, 'assets', 'app-1a2b.js'), 'export {}')
  bench = await openBench({
    appFolder: folder,
    limits: {
      address: { burst: 1e9, perSecond: 1e9 },
      user: { burst: 3, perSecond: 0.5 },
    },
  })
})
afterAll(async () => {
  await bench.database.close()
  await rm(folder, { recursive: true })
})

test('a user beyond the limit is told when to come back, and others are served', async () => {
  const one = signIn(bench.app)
  const statuses: number[] = []
  for (let call = 0; call < 4; call += 1) {
    statuses.push((await one.call('GET', '/api/rest/cards')).status)
  }
  expect(statuses).toEqual([200, 200, 200, 429])
  const refused = await one.call('GET', '/api/rest/cards')
  expect(refused.body.code).toBe('RATE')
  expect(refused.headers.get('Retry-After')).toBe('2')
  expect((await signIn(bench.app).call('GET', '/api/rest/cards')).status).toBe(200)
})

test('an address beyond the limit is refused everywhere, before anything is read', async () => {
  const { app, database } = await openBench({
    limits: { address: { burst: 1, perSecond: 0.1 }, user: { burst: 1, perSecond: 1 } },
  })
  expect((await app.request('/rollouts/none')).status).toBe(404)
  for (const path of ['/rollouts/none', '/v1/logs', '/api/rest/cards', '/dashboard']) {
    const response = await app.request(path)
    expect([response.status, response.headers.get('Retry-After')]).toEqual([429, '10'])
  }
  await database.close()
})

test('every answer forbids inline code, framing and guessing of types', async () => {
  for (const path of ['/', '/dashboard', '/api/rest/cards', '/none', '/rollouts/none']) {
    const { headers } = await bench.app.request(path)
    const policy = headers.get('Content-Security-Policy') ?? ''
    expect(policy).toContain("default-src 'self'; script-src 'self'; style-src 'self'")
    expect(policy).not.toContain('unsafe')
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
    expect(headers.get('X-Frame-Options')).toBe('DENY')
  }
})

test('the built app is served: its page anew each time, its hashed files for ever', async () => {
  const page = await bench.app.request('/')
  expect(await page.text()).toBe('<h1>the app</h1>')
  expect(page.headers.get('Cache-Control')).toBe('no-cache')
  const script = await bench.app.request('/assets/app-1a2b.js')
  expect(script.headers.get('Content-Type')).toContain('javascript')
  expect(script.headers.get('Cache-Control')).toContain('immutable')
  for (const path of ['/assets/none.js', '/..%2f..%2fetc/passwd', '/%2e%2e/package.json']) {
    const missing = await bench.app.request(path)
    expect(missing.status).toBe(404)
    expect(missing.headers.get('Cache-Control') ?? '').not.toContain('immutable')
  }
})

test('other origins are not let in unless one is named', async () => {
  const origin = 'https://cards.example'
  const closed = await bench.app.request('/rollouts/none', { headers: { Origin: origin } })
  expect(closed.headers.get('Access-Control-Allow-Origin')).toBeNull()
  const { app, database } = await openBench({ allowOrigin: origin })
  const ask = (from: string) =>
    app.request('/api/apply', {
      method: 'OPTIONS',
      headers: { Origin: from, 'Access-Control-Request-Method': 'POST' },
    })
  const asked = await ask(origin)
  expect(asked.headers.get('Access-Control-Allow-Origin')).toBe(origin)
  expect(asked.headers.get('Access-Control-Allow-Headers')).toContain('graysync-operation')
  expect((await ask('https://other.example')).headers.get('Access-Control-Allow-Origin')).not.toBe(
    'https://other.example',
  )
  await database.close()
})

test('the log has no row, no user and no query in it, also when something breaks', async () => {
  const { app, database, log } = await openBench()
  const one = signIn(app)
  await one.call('POST', '/api/rest/cards', card('c1', 'my secret'))
  await one.call('GET', '/api/rest/cards?after=secret-id')
  await database.query(`create function break_down() returns trigger language plpgsql as
    $$ begin raise exception 'cannot take %', new.name; end $$`)
  await database.query(
    'create trigger break_down before insert on tags for each row execute function break_down()',
  )
  const broken = await one.call('POST', '/api/rest/tags', { id: 't1', name: 'my secret' })
  expect(broken.status).toBe(500)
  expect(JSON.stringify(broken.body)).not.toContain('secret')
  expect(log.join('\n')).toMatch(/POST \/api\/rest\/:table 200 \d+ ms/)
  expect(log.join('\n')).toContain('error')
  for (const kept of ['secret', one.user, 'after=']) expect(log.join('\n')).not.toContain(kept)
  await database.close()
})
