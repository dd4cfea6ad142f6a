import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { signRollout } from 'graysync/rollout'
import { afterEach, beforeEach, expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

let data: string
const started: ChildProcess[] = []
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'graysync-main-'))
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => end(server, 'SIGKILL')))
  await rm(data, { recursive: true, force: true })
})

/** Starts the server as its own process; answers once it says where its dashboard is, or how it ended. */
async function start(env: Record<string, string> = {}) {
  const server = spawn(process.execPath, ['--import', 'tsx', MAIN], {
    env: { ...process.env, DATABASE_URL: '', GRAYSYNC_DATA: data, PORT: '0', ...env },
  })
  started.push(server)
  let said = ''
  const ended = new Promise<null>((resolve) => server.once('exit', () => resolve(null)))
  const found = new Promise<string>((resolve) => {
    const hear = (chunk: Buffer): void => {
      said += chunk
      const url = /dashboard (\S+)\/dashboard\n/.exec(said)?.[1]
      if (url !== undefined) resolve(url)
    }
    server.stdout.on('data', hear)
    server.stderr.on('data', hear)
  })
  return { server, url: (await Promise.race([found, ended])) ?? '', said: () => said }
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (server.exitCode !== null || server.signalCode !== null) return server.exitCode
  const ended = new Promise<number | null>((resolve) => server.once('exit', resolve))
  server.kill(signal)
  return ended
}

const headers = { Authorization: `Bearer ${randomUUID()}` }
const addCard = (url: string, id: string) =>
  fetch(`${url}/api/rest/cards`, { method: 'POST', headers, body: JSON.stringify({ id }) })

test('what was answered is still there after the process was killed', async () => {
  const first = await start()
  expect((await addCard(first.url, 'c1')).status).toBe(200)
  await end(first.server, 'SIGKILL')
  const second = await start()
  const rows = await (await fetch(`${second.url}/api/rest/cards`, { headers })).json()
  expect(rows).toMatchObject([{ id: 'c1' }])
}, 60_000)

test('it publishes what its own key signed, and ends cleanly while a stream is open', async () => {
  const { server, url } = await start()
  const keys = JSON.parse(await readFile(join(data, 'keys.json'), 'utf8'))
  const rollout = {
    ...{ schema: 1 as const, rollout: 'sync-engine', version: 1, issuedAt: 1 },
    ...{ hash: { version: 1 as const, salt: 's' }, stage: null, stages: [] },
  }
  const body = await signRollout(rollout, keys.private, crypto.subtle)
  expect((await fetch(`${url}/rollouts/sync-engine`, { method: 'PUT', body })).status).toBe(201)
  const response = await fetch(`${url}/rollouts/sync-engine`)
  expect(await response.text()).toBe(body)
  expect(response.headers.get('Date')).not.toContain(',  ')
  const stream = await fetch(`${url}/rollouts/sync-engine/stream`)
  expect(stream.headers.get('Content-Type')).toContain('text/event-stream')
  expect(await end(server, 'SIGTERM')).toBe(0)
}, 60_000)

test('a second server on the same port ends without touching the data of the first', async () => {
  const first = await start()
  const second = await start({ PORT: new URL(first.url).port })
  expect(second.url).toBe('')
  expect(second.said()).toContain('EADDRINUSE')
  expect((await addCard(first.url, 'c1')).status).toBe(200)
}, 60_000)

test('it listens beyond this machine only with a password for the dashboard', async () => {
  const { url, said } = await start({ HOST: '0.0.0.0' })
  expect(url).toBe('')
  expect(said()).toContain('DASHBOARD_PASSWORD')
}, 60_000)
