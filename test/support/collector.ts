import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/** How an upstream misbehaves. */
export type Fault =
  | 'none'
  | 'reset'
  | '500'
  | '503'
  | '429-seconds'
  | '429-date'
  | '401'
  | '404'
  | 'hang'
  | 'slow'
  | 'commit-then-drop'
  | 'portal'

export interface Collector {
  url: string
  fault: Fault
  /** Refused as poison when its id is here. */
  poison: Set<string>
  /** Larger bodies are refused. */
  maxBytes: number
  /** How many requests were under way at once, at most. */
  busiest: number
  /** How many of each request's records a partial success rejects. */
  rejects: number
  /** Stored records by id: what an intake that honours ids holds. */
  stored: Map<string, StoredRecord>
  /** Every arrival of a stored record, doubles too. */
  arrivals: string[]
  /** One entry a request, by the fault that met it. */
  requests: Fault[]
  close(): Promise<void>
}

export interface StoredRecord {
  eventName: string
  body?: { stringValue: string }
  attributes: { key: string; value: Record<string, unknown> }[]
}

/** A real HTTP server that takes OTLP logs, and fails on demand; its page is served whatever the fault. */
export async function openCollector(
  o: {
    retryAfterS?: number
    page?: string
    /** Is told every body that is stored. */
    take?(body: string): void
  } = {},
): Promise<Collector> {
  const retryAfterS = o.retryAfterS ?? 5

  let busy = 0

  const server = createServer(async (request, response) => {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-allow-headers', '*')
    if (request.method === 'OPTIONS') return void response.writeHead(204).end()
    if (request.method === 'GET') {
      return void response.writeHead(200, { 'content-type': 'text/html' }).end(o.page ?? '')
    }
    const { fault } = collector
    collector.requests.push(fault)
    if (fault === 'reset') return void request.socket.destroy()
    busy++
    collector.busiest = Math.max(collector.busiest, busy)
    response.on('close', () => busy--)
    const sent = await readBody(request)
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent
    if (fault !== 'none' && fault !== 'slow' && fault !== 'commit-then-drop') fail(response, fault)
    else if (body.length > collector.maxBytes) reply(response, 413, {})
    else await take(request, response, body.toString())
  })

  const take = async (request: IncomingMessage, response: ServerResponse, body: string) => {
    const { fault, poison, rejects } = collector
    const records = toRecords(body)
    if (records.some((record) => poison.has(toUid(record)))) return reply(response, 400, {})
    if (fault === 'slow') await new Promise((resolve) => setTimeout(resolve, 100))
    store(records)
    o.take?.(body)
    if (fault === 'commit-then-drop') return void request.socket.destroy()
    const partialSuccess = { rejectedLogRecords: String(rejects), errorMessage: 'no' }
    reply(response, 200, rejects > 0 ? { partialSuccess } : {})
  }

  const store = (records: readonly StoredRecord[]) => {
    for (const record of records) {
      collector.stored.set(toUid(record), record)
      collector.arrivals.push(toUid(record))
    }
  }

  const fail = (response: ServerResponse, fault: Fault) => {
    if (fault === 'hang') return
    if (fault === 'portal') {
      response.setHeader('content-type', 'text/html; charset=utf-8')
      return void response.writeHead(200).end('<p>Sign in to the network</p>')
    }
    if (fault === '429-seconds') response.setHeader('retry-after', String(retryAfterS))
    if (fault === '429-date') {
      // A server whose clock is an hour behind.
      const now = Date.now() - 3_600_000
      response.setHeader('date', new Date(now).toUTCString())
      response.setHeader('retry-after', new Date(now + retryAfterS * 1000).toUTCString())
    }
    reply(response, Number.parseInt(fault, 10), {})
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const collector: Collector = {
    url: `http://127.0.0.1:${port}/v1/logs`,
    fault: 'none',
    poison: new Set(),
    maxBytes: Number.POSITIVE_INFINITY,
    busiest: 0,
    rejects: 0,
    stored: new Map(),
    arrivals: [],
    requests: [],
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  return collector
}

export function toUid(record: StoredRecord): string {
  const uid = record.attributes.find((attribute) => attribute.key === 'log.record.uid')
  return String(uid?.value.stringValue)
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts)
}

/** None where it is no request of OTLP. */
function toRecords(body: string): StoredRecord[] {
  if (!body.startsWith('{"resourceLogs"')) return []
  return JSON.parse(body).resourceLogs.flatMap(
    (resource: { scopeLogs: { logRecords: StoredRecord[] }[] }) =>
      resource.scopeLogs.flatMap((scope) => scope.logRecords),
  )
}
