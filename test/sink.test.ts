import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Sink, SinkResult } from '../src/model/record.js'
import { addAll, type Desk, forgetDatabase, makeRecords, openDesk } from './support/desk.js'

/** A sink of a host's own: plain JSON batches, and files beside them. */
function jsonSink(url: string): Sink {
  const read = ({ ok, status }: Response): SinkResult => {
    if (ok) return { status: 'accepted' }
    if (status >= 500 || status === 429) return { status: 'retry' }
    return { status: 'refused', because: status === 400 ? 'poison' : 'config' }
  }
  return {
    async send(batch, { signal, lastBreath }) {
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify(batch)
      return read(
        await fetch(url, { method: 'POST', headers, body, signal, keepalive: lastBreath }),
      )
    },
    async sendFile({ id, blob }, { signal }) {
      return read(await fetch(`${url}/files/${id}`, { method: 'PUT', body: blob, signal }))
    },
  }
}

describe('a sink of a host', () => {
  const requests: { method: string; url: string; body: string }[] = []
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const { method = '', url = '' } = request
    requests.push({ method, url, body: Buffer.concat(parts).toString() })
    response.writeHead(204).end()
  })
  let desk: Desk

  beforeEach(async () => {
    await forgetDatabase()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    desk = await openDesk({ sink: jsonSink(`http://127.0.0.1:${port}/in`) })
  })

  afterEach(() => {
    desk.close()
    server.closeAllConnections()
    server.close()
  })

  it('gets batches with their records as they are, and files after their entries', async () => {
    await desk.delivery?.drain()
    const records = makeRecords(3)
    addAll(desk.outbox, records)
    const [entry] = makeRecords(1, 'feedback')
    if (entry) await desk.outbox.addDurably(entry, new Blob(['picture']))
    await desk.delivery?.drain()
    const batches = requests
      .filter(({ method }) => method === 'POST')
      .map(({ body }) => JSON.parse(body))
    expect(batches.map((batch) => batch.records)).toEqual([[entry], records])
    expect(new Set(batches.map((batch) => batch.id)).size).toBe(2)
    expect(requests.filter(({ method }) => method === 'PUT')).toEqual([
      { method: 'PUT', url: `/in/files/${entry?.uid}`, body: 'picture' },
    ])
  })
})
