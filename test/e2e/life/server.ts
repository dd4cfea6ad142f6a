import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { makeKeys, sign } from '../../support/rollout.js'
import { bundle } from '../support/bundle.js'

/** Serves the page, its worker and a rollout; keeps what it is sent. */
export interface LifeServer {
  /** Ends with a slash. */
  url: string
  /** Whether records are taken. */
  isOpen: boolean
  /** Ids of records that were taken. */
  readonly records: string[]
  /** Every page that is opened from now on is told so. */
  publish(share: number): Promise<void>
  close(): Promise<void>
}

interface Answer {
  status?: number
  type?: string
  body?: string
}

/** A page with so many copies of the script: each is a module, and an SDK, of its own. */
function toHtml(copies: readonly string[]): string {
  const tags = copies.map((copy) => `<script type="module" src="/page.js${copy}"></script>`)
  return `<!doctype html><title>life</title>${tags.join('')}`
}

export async function serveLife(): Promise<LifeServer> {
  const keys = await makeKeys()
  const scripts = {
    page: await bundle(new URL('./page.ts', import.meta.url)),
    worker: await bundle(new URL('./worker.ts', import.meta.url)),
  }
  let version = 0
  let bootstrap = ''
  const answer: Record<string, (request: IncomingMessage) => Promise<Answer> | Answer> = {
    '/page.js': () => ({ type: 'text/javascript', body: scripts.page }),
    '/worker.js': () => ({ type: 'text/javascript', body: scripts.worker }),
    '/rollout': () => ({ body: JSON.stringify({ keys: [keys.public], bootstrap }) }),
    '/stale': () => ({ body: toHtml([]) }),
    '/': ({ url }) => ({ body: toHtml(url?.includes('twice') ? ['', '?copy'] : ['']) }),
    async '/records'(request) {
      const ids: string[] = JSON.parse(await text(request))
      if (life.isOpen) life.records.push(...ids)
      return { status: life.isOpen ? 200 : 503 }
    },
  }
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const { status = 200, type = 'text/html', body } = (await answer[pathname]?.(request)) ?? {}
    response.writeHead(status, { 'content-type': type }).end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const life: LifeServer = {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    isOpen: true,
    records: [],
    async publish(share) {
      version++
      bootstrap = await sign(keys, { version, stages: [{ name: 'all', share }] })
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return life
}
