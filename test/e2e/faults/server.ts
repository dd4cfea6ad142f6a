import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { EngineName } from '../../../src/model/operation.js'
import type { Tier } from '../../sweep/engine.js'
import type { Plans } from '../../sweep/plans.js'
import {
  createServer as createLedger,
  type Flaw,
  type Server as Ledger,
} from '../../sweep/server.js'
import { SERVERS } from '../../sweep/trial.js'
import type { Builds } from './builds.js'
import type { Told } from './page.js'

/** An origin of its own: it serves the page, takes operations and keeps a log of them. */
export interface FaultsServer {
  /** Ends with a slash. */
  url: string
  /** Whether operations get through. */
  isOpen: boolean
  readonly ledger: Ledger
  /** What pages told of the operations that they asked for. */
  readonly told: ReadonlyMap<string, Told>
  /** Operations that pages told to be rejected. */
  refused(): number
  /** Every page that is opened from now on wants this engine. */
  publish(goal: EngineName): void
  /** Resolves when the next page asks what it is to do. */
  visited(): Promise<unknown>
  close(): Promise<void>
}

/** Ports that were taken: one that comes again would be an origin with all that was stored there. */
const taken = new Set<number>()

export async function serveFaults(o: {
  tier: Tier
  builds: Partial<Builds>
  plans: Plans
  flaw?: Flaw
}): Promise<FaultsServer> {
  const ledger = createLedger(SERVERS[o.tier], o.flaw)
  const told = new Map<string, Told>()
  const visits = new EventEmitter()
  let turn = -1
  let plan = ''

  const toPage = (html: string) => () =>
    new Response(html, { headers: { 'content-type': 'text/html' } })
  const pages = Object.entries(o.builds).map(
    ([build, html]) => [`/${build}`, toPage(html)] as const,
  )
  const answer: Record<string, (request: IncomingMessage) => Promise<Response> | Response> = {
    ...Object.fromEntries(pages),
    '/away': toPage('away'),
    '/plan': () => {
      visits.emit('visit')
      return new Response(plan)
    },
    async '/told'(request) {
      const batch: Told[] = JSON.parse(await text(request))
      for (const one of batch) told.set(one.opId, one)
      return new Response(null)
    },
    '/operations': ({ headers, method = 'GET' }) =>
      ledger.serve(
        new Request(server.url, { method, headers: headers as Record<string, string> }),
      )(),
  }
  const http = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', server.url)
    if (pathname === '/operations' && !server.isOpen) return void request.socket.destroy()
    const given = (await answer[pathname]?.(request)) ?? new Response(null, { status: 404 })
    response.writeHead(given.status, Object.fromEntries(given.headers))
    response.end(await given.text())
  })
  const server: FaultsServer = {
    url: `http://127.0.0.1:${await listen(http)}/`,
    isOpen: true,
    ledger,
    told,
    refused: () => [...told.values()].filter(({ fate }) => fate === 'rejected').length,
    publish(goal) {
      turn++
      const bootstrap = o.plans.envelope(goal === 'legacy' ? 'legacy, drained' : goal, turn)
      // A version of its own each time: what a breaker holds against an engine is of one version.
      plan = JSON.stringify({ key: o.plans.key, bootstrap, version: String(turn + 1) })
    },
    visited: () => once(visits, 'visit'),
    async close() {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
  return server
}

async function listen(http: Server): Promise<number> {
  for (;;) {
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const { port } = http.address() as AddressInfo
    if (!taken.has(port)) {
      taken.add(port)
      return port
    }
    http.close()
    await once(http, 'close')
  }
}
