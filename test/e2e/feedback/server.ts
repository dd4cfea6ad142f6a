import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { TelemetryRecord } from '../../../src/model/record.js'
import { makeKeys, sign } from '../../support/rollout.js'

/** Serves a page with form and survey under a strict policy, and keeps the records that it is sent. */
export interface FeedbackServer {
  url: string
  readonly records: TelemetryRecord[]
  /** Installations that it was asked to erase. */
  readonly erased: string[]
  /** Takes nothing that is sent. */
  isDown: boolean
  close(): Promise<void>
}

const POLICY = "script-src 'self'; style-src 'self'"
const PHONE = [390, 780]
/** What a window of 1280 by 900 has at 200 %. */
const ZOOMED = [640, 450]
const HTML = `<!doctype html><html lang="en"><title>Cards</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script src="/axe.js"></script><script type="module" src="/page.js"></script>
<main><h1>Cards</h1><button id="work">Work</button><a href="#more">More</a></main></html>`
/** A page in a window of so many CSS pixels: a browser's own window has a least width. */
const toFrame = ([width, height]: readonly number[]) =>
  `<!doctype html><title>Frame</title><iframe src="/" width="${width}" height="${height}"></iframe>`

export async function serveFeedback(): Promise<FeedbackServer> {
  const keys = await makeKeys()
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    logLevel: 'error',
  })
  const rollout = { keys: [keys.public], bootstrap: await sign(keys, {}) }
  const bodies: Record<string, readonly [type: string, body: string]> = {
    '/': ['text/html', HTML],
    '/phone': ['text/html', toFrame(PHONE)],
    '/zoomed': ['text/html', toFrame(ZOOMED)],
    '/page.js': ['text/javascript', outputFiles[0]?.text ?? ''],
    '/axe.js': [
      'text/javascript',
      await readFile(createRequire(import.meta.url).resolve('axe-core'), 'utf8'),
    ],
    '/rollout': ['application/json', JSON.stringify(rollout)],
  }
  const records: TelemetryRecord[] = []
  const erased: string[] = []
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    if (request.method !== 'GET') {
      const sent = await text(request)
      if (served.isDown) return void request.socket.destroy()
      if (request.method === 'POST') records.push(...JSON.parse(sent))
      else erased.push(pathname.split('/').at(-1) ?? '')
      return void response.end()
    }
    const [type, body] = bodies[pathname] ?? ['text/plain', '']
    response.writeHead(body ? 200 : 404, {
      'content-type': `${type}; charset=utf-8`,
      'content-security-policy': POLICY,
    })
    response.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const served: FeedbackServer = {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    records,
    erased,
    isDown: false,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return served
}
