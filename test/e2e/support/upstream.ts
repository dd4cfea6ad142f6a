import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import { type Database, openDatabase } from '../../../examples/upstream/src/database.js'
import { createUpstream } from '../../../examples/upstream/src/upstream.js'
import { readKeys } from '../../../scripts/keys.js'
import type { Rollout } from '../../../src/model/rollout.js'
import { signRollout } from '../../../src/rollout/sign.js'

export const APP_FOLDER: string = fileURLToPath(
  new URL('../../../examples/card-everything/dist', import.meta.url),
)
const NO_LIMIT = { burst: 1e9, perSecond: 1e9 }

export interface TestUpstream {
  /** Ends without a slash. */
  url: string
  database: Database
  /** Signs and publishes a rollout of `sync-engine`; each has a higher version than the one before. */
  publish(change: Partial<Rollout>): Promise<number>
  /** Takes the server off the network; the database stays. */
  stop(): Promise<void>
  close(): Promise<void>
}

/** The real upstream with the built demo app, or one page in its place, on an embedded PostgreSQL in memory and a free port. */
export async function startUpstream(
  appFolder: string = APP_FOLDER,
  page?: string,
): Promise<TestUpstream> {
  const keys = await readKeys()
  const database = await openDatabase({})
  const app = createUpstream({
    database,
    keys: keys.public,
    appFolder,
    limits: { address: NO_LIMIT, user: NO_LIMIT },
  })
  const answer = getRequestListener(app.fetch)
  const server = createServer((request, response) => {
    if (page === undefined || request.url !== '/') return void answer(request, response)
    // Without the policy of the app: what steers a page from outside has it evaluate text.
    response.setHeader('content-type', 'text/html').end(page)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://localhost:${(server.address() as AddressInfo).port}`
  let version = 0
  return {
    url,
    database,
    async publish(change) {
      version = Math.max(version + 1, Date.now())
      const rollout: Rollout = {
        schema: 1,
        rollout: 'sync-engine',
        version,
        issuedAt: Date.now(),
        hash: { version: 1, salt: 'end-to-end' },
        stage: 'first',
        stages: [{ name: 'first', share: 0 }],
        ...change,
      }
      const body = await signRollout(rollout, keys.private, crypto.subtle)
      const answer = await fetch(`${url}/rollouts/sync-engine`, { method: 'PUT', body })
      if (!answer.ok) throw new Error(`publishing failed: ${answer.status} ${await answer.text()}`)
      return version
    },
    stop: () => stopServer(server),
    async close() {
      await stopServer(server)
      await database.close()
    },
  }
}

async function stopServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await closed
}
