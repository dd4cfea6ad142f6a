import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { resolve } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { readKeys } from '../../../scripts/keys.js'
import { openDatabase } from './database.js'
import { pruneRecords } from './intake.js'
import { createUpstream, type UpstreamOptions } from './upstream.js'

const ROOT = new URL('../../../', import.meta.url).pathname
const DAY_MS = 24 * 60 * 60 * 1000
const { env } = process

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const host = env.HOST ?? '127.0.0.1'
const port = Number(env.PORT ?? 8787)
const data = resolve(ROOT, env.GRAYSYNC_DATA ?? '.graysync')
const appFolder = resolve(ROOT, env.APP_FOLDER ?? 'examples/card-everything/dist')
const isLocal = ['127.0.0.1', '::1', 'localhost'].includes(host)

if (!isLocal && !env.DASHBOARD_PASSWORD) {
  throw new Error(
    'Set DASHBOARD_PASSWORD to listen beyond this machine: the dashboard shows feedback',
  )
}

// The port is taken before the data folder is opened: of two servers started on one folder, the
// second ends here and never touches the first one's files.
let listener: ReturnType<typeof getRequestListener> | null = null
const server = createServer((request, response) => {
  if (listener !== null) return void listener(request, response)
  response.writeHead(503, { 'Retry-After': '1' }).end()
})
await new Promise<void>((ready, fail) => {
  server.once('error', fail).listen(port, host, ready)
})

const keys = await readKeys(data)
const database = await openDatabase(
  env.DATABASE_URL ? { url: env.DATABASE_URL } : { folder: resolve(data, 'postgres') },
)
const options: UpstreamOptions = { database, keys: keys.public }
if (existsSync(appFolder)) options.appFolder = appFolder
if (env.ALLOW_ORIGIN) options.allowOrigin = env.ALLOW_ORIGIN
if (env.DASHBOARD_PASSWORD) options.dashboardPassword = env.DASHBOARD_PASSWORD
if (env.LOG !== 'off') options.log = say

listener = getRequestListener(createUpstream(options).fetch)
const prune = (): void => void pruneRecords(database).catch(() => say('error records not pruned'))
prune()
const pruning = setInterval(prune, DAY_MS)

const address = server.address()
const url = `http://${host}:${typeof address === 'object' ? address?.port : port}`
say(`app       ${options.appFolder ? `${url}/` : `not built (${appFolder})`}`)
say(`dashboard ${url}/dashboard`)
say(`rollouts  ${url}/rollouts/<name>`)
say(`telemetry ${url}/v1/logs`)
say(`database  ${env.DATABASE_URL ? 'server of DATABASE_URL' : resolve(data, 'postgres')}`)

async function close(): Promise<void> {
  clearInterval(pruning)
  server.close()
  server.closeAllConnections()
  await database.close()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close())
