import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'

/** A database of its own on a real server. */
export interface Server {
  url: string
  stop(): Promise<void>
}

const INSTALLED = '/usr/lib/postgresql'

/** A clause that tells why there is no server here, or `null`. */
export function whyNoServer(): string | null {
  if (process.env.DATABASE_URL !== undefined || findBinaries() !== null) return null
  return `no DATABASE_URL, and no PostgreSQL under ${INSTALLED}`
}

/** Makes a database on the server of `DATABASE_URL`, or on one that is started for it. */
export async function startServer(): Promise<Server> {
  if (process.env.DATABASE_URL !== undefined) return makeDatabase(process.env.DATABASE_URL)
  const binaries = findBinaries()
  if (binaries === null) throw new Error('no PostgreSQL here')
  const folder = await mkdtemp(join(tmpdir(), 'graysync-postgres-'))
  const account = findAccount()
  if (account) await chown(folder, account.uid, account.gid)
  const data = join(folder, 'data')
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']
  await promisify(execFile)(join(binaries, 'initdb'), initdb, { ...account, cwd: folder })
  const port = await findPort()
  const server = spawn(
    join(binaries, 'postgres'),
    ['-D', data, '-k', folder, '-h', '127.0.0.1', '-p', String(port), '-F'],
    { ...account, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  await waitUntilReady(server)
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGINT')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function makeDatabase(url: string): Promise<Server> {
  const name = `graysync_test_${process.pid}_${Date.now()}`
  const run = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  await run(`create database ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return { url: own.href, stop: () => run(`drop database ${name} with (force)`) }
}

function findBinaries(): string | null {
  if (!existsSync(INSTALLED)) return null
  const versions = readdirSync(INSTALLED).sort((one, other) => Number(other) - Number(one))
  const folders = versions.map((version) => join(INSTALLED, version, 'bin'))
  return folders.find((folder) => existsSync(join(folder, 'initdb'))) ?? null
}

// PostgreSQL refuses to run as root.
function findAccount(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const ask = (flag: string): number => Number(execFileSync('id', [flag, 'postgres']).toString())
  return { uid: ask('-u'), gid: ask('-g') }
}

async function findPort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function waitUntilReady(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    server.stderr?.on('data', (chunk: Buffer) => {
      said += chunk
      if (said.includes('ready to accept connections')) resolve()
    })
    server.once('exit', () => reject(new Error(`PostgreSQL ended: ${said}`)))
  })
}
