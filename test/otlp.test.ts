import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SinkResult, TelemetryRecord } from '../src/model/record.js'
import { otlpSink } from '../src/otlp.js'
import { type Collector, type Fault, openCollector } from './support/collector.js'
import { makeRecords } from './support/desk.js'
import { decodeLogs } from './support/logs-schema.js'
import { anyRecord, consultOracles, findGoogleAbsence } from './support/otlp-oracle.js'
import { isPresent } from './support/presence.js'

const signal = new AbortController().signal

interface Call {
  url: string
  init: RequestInit
}

async function call(
  records: readonly TelemetryRecord[],
  o: {
    resource?: Record<string, string>
    lastBreath?: boolean
    headers?: Record<string, string>
  } = {},
): Promise<Call> {
  const calls: Call[] = []
  const sink = otlpSink({
    url: 'https://telemetry.example/v1/logs',
    ...(o.resource && { resource: o.resource }),
    ...(o.headers && { headers: o.headers }),
    async fetch(input, init = {}) {
      calls.push({ url: String(input), init })
      return Response.json({})
    },
  })
  await sink.send({ id: 'batch', records }, { signal, lastBreath: o.lastBreath ?? false })
  const [first] = calls
  if (!first) throw new Error('nothing was sent')
  return first
}

async function readBody({ init }: Call): Promise<unknown> {
  if (typeof init.body === 'string') return JSON.parse(init.body)
  const unzipped = (init.body as Blob).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Response(unzipped).json()
}

describe('what is sent', () => {
  const runs = 300

  it(`is what the protocol reads, for ${runs} batches of anything`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyRecord, { maxLength: 8 }),
        fc.dictionary(fc.string(), fc.string()),
        async (records, resource) => {
          const read = decodeLogs(await readBody(await call(records, { resource })))
          expect(Object.fromEntries(read.resource)).toEqual({
            'telemetry.sdk.name': 'graysync',
            ...resource,
          })
          expect(read.records).toHaveLength(records.length)
          records.forEach((sent, index) => {
            const got = read.records[index]
            expect(got?.name).toBe(sent.name)
            expect(got?.nanos).toBe(BigInt(sent.at) * 1_000_000n)
            expect(got?.body).toBe(sent.body)
            expect(new Map(got?.attributes)).toEqual(
              new Map(Object.entries({ ...sent.attributes, 'log.record.uid': sent.uid })),
            )
          })
        },
      ),
      { numRuns: runs },
    )
  }, 120_000)

  const absence = findGoogleAbsence()
  it(`is what Google's protobuf reads${absence ? ', if it were here' : ''}, and what OpenTelemetry's exporter writes`, async () => {
    const google = isPresent("Google's protobuf over OTLP", absence)
    const seed = Math.floor(Math.random() * 2 ** 31)
    const { records } = await consultOracles({ batches: 200, seed, google }).catch((cause) => {
      throw new Error(`with seed ${seed}`, { cause })
    })
    expect(records).toBeGreaterThan(200)
  }, 60_000)

  it.each([8_640_000_000_000_000, -1, Number.NaN])(
    'is readable with the clock at %d',
    async (at) => {
      const [base] = makeRecords(1)
      const body = await readBody(await call([{ ...base, at } as TelemetryRecord]))
      expect(decodeLogs(body).records).toHaveLength(1)
    },
  )

  it('keeps the type of a measure when it happens to be whole', async () => {
    const send = async (ms: number) => {
      const [base] = makeRecords(1)
      const attributes = { 'graysync.oldest.ms': ms, 'graysync.acked': 12 }
      const body = (await readBody(await call([{ ...base, attributes } as TelemetryRecord]))) as {
        resourceLogs: { scopeLogs: { logRecords: { attributes: { value: object }[] }[] }[] }[]
      }
      return body.resourceLogs[0]?.scopeLogs[0]?.logRecords[0]?.attributes.map((pair) => pair.value)
    }
    expect((await send(12))?.slice(0, 2)).toEqual([{ doubleValue: 12 }, { intValue: '12' }])
    expect((await send(12.5))?.slice(0, 2)).toEqual([{ doubleValue: 12.5 }, { intValue: '12' }])
  })

  it('carries the name of the batch, the host headers, and JSON as its type', async () => {
    const { url, init } = await call(makeRecords(1), { headers: { authorization: 'Bearer x' } })
    expect(url).toBe('https://telemetry.example/v1/logs')
    expect(new Headers(init.headers).get('idempotency-key')).toBe('batch')
    expect(new Headers(init.headers).get('authorization')).toBe('Bearer x')
    expect(new Headers(init.headers).get('content-type')).toBe('application/json')
  })

  it('is gzipped when that is worth it', async () => {
    const small = await call(makeRecords(1))
    const large = await call(makeRecords(100))
    expect(new Headers(small.init.headers).get('content-encoding')).toBeNull()
    expect(new Headers(large.init.headers).get('content-encoding')).toBe('gzip')
    expect((large.init.body as Blob).size).toBeLessThan(
      JSON.stringify(await readBody(large)).length / 3,
    )
  })

  it('as a last breath goes in the same turn, unzipped and kept alive', () => {
    const calls: RequestInit[] = []
    const sink = otlpSink({
      url: '/v1/logs',
      async fetch(_, init = {}) {
        calls.push(init)
        return Response.json({})
      },
    })
    void sink.send({ id: 'batch', records: makeRecords(100) }, { signal, lastBreath: true })
    expect(calls[0]).toMatchObject({ keepalive: true, body: expect.any(String) })
  })

  it('needs an endpoint', () => {
    expect(() => otlpSink({ url: '' })).toThrow(expect.objectContaining({ code: 'OPTION' }))
  })
})

describe('the answer', () => {
  let collector: Collector
  beforeEach(async () => {
    collector = await openCollector({ retryAfterS: 7 })
  })
  afterEach(() => collector.close())

  const ask = () =>
    otlpSink({ url: collector.url }).send(
      { id: 'batch', records: makeRecords(4) },
      { signal, lastBreath: false },
    )

  it.each<[Fault, SinkResult]>([
    ['none', { status: 'accepted' }],
    ['reset', { status: 'retry' }],
    ['commit-then-drop', { status: 'retry' }],
    ['500', { status: 'retry' }],
    ['503', { status: 'retry' }],
    ['429-seconds', { status: 'retry', afterMs: 7_000 }],
    ['429-date', { status: 'retry', afterMs: 7_000 }],
    ['401', { status: 'refused', because: 'config' }],
    ['404', { status: 'refused', because: 'config' }],
    ['portal', { status: 'retry' }],
  ])('%s is read as %o', async (fault, result) => {
    collector.fault = fault
    expect(await ask()).toEqual(result)
  })

  it('of a partial success counts what was rejected', async () => {
    collector.rejects = 3
    expect(await ask()).toEqual({ status: 'accepted', rejected: 3 })
  })

  it.each([
    [400, 'poison'],
    [422, 'poison'],
    [413, 'tooLarge'],
    [403, 'config'],
    [415, 'config'],
  ])('%i is a refusal because of %s', async (status, because) => {
    const sink = otlpSink({ url: '/', fetch: async () => new Response(null, { status }) })
    const batch = { id: 'batch', records: makeRecords(1) }
    expect(await sink.send(batch, { signal, lastBreath: false })).toEqual({
      status: 'refused',
      because,
    })
  })

  it.each([200, 204])('%i without a body accepts', async (status) => {
    const sink = otlpSink({ url: '/', fetch: async () => new Response(null, { status }) })
    const batch = { id: 'batch', records: makeRecords(1) }
    expect(await sink.send(batch, { signal, lastBreath: false })).toEqual({ status: 'accepted' })
  })

  it('with an instant but no clock beside it leaves the wait to us', async () => {
    const headers = { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }
    const sink = otlpSink({
      url: '/',
      fetch: async () => new Response(null, { status: 503, headers }),
    })
    const batch = { id: 'batch', records: makeRecords(1) }
    expect(await sink.send(batch, { signal, lastBreath: false })).toEqual({ status: 'retry' })
  })
})

describe('files and erasure', () => {
  const sinkFor = (status: number, calls: Call[]) =>
    otlpSink({
      url: '/v1/logs',
      filesUrl: '/v1/files',
      installationsUrl: '/v1/installations',
      headers: { authorization: 'Bearer one' },
      async fetch(input, init = {}) {
        calls.push({ url: String(input), init })
        return new Response('{}', { status })
      },
    })
  const blob = new Blob(['picture'], { type: 'image/png' })
  const file = { id: 'file/1', entry: 'entry/1', blob }

  it('go to endpoints of their own, by id', async () => {
    const calls: Call[] = []
    const sink = sinkFor(200, calls)
    expect(await sink.sendFile?.(file, { signal })).toEqual({ status: 'accepted' })
    expect(await sink.erase?.('installation-1', { signal })).toEqual({ status: 'accepted' })
    const [sent, erased] = calls
    expect(sent?.url).toBe('/v1/files/entry%2F1')
    expect(sent?.init.method).toBe('POST')
    expect(sent?.init.body).toBe(blob)
    expect(sent?.init.headers).toEqual({
      authorization: 'Bearer one',
      'content-type': 'image/png',
      'idempotency-key': 'file/1',
    })
    expect(erased?.url).toBe('/v1/installations/installation-1')
    expect(erased?.init.method).toBe('DELETE')
  })

  it.each([
    [503, { status: 'retry' }],
    [413, { status: 'refused', because: 'tooLarge' }],
    [400, { status: 'refused', because: 'poison' }],
    [404, { status: 'refused', because: 'config' }],
  ])('that are answered with %d come to what records come to', async (status, result) => {
    expect(await sinkFor(status, []).sendFile?.(file, { signal })).toEqual(result)
  })

  it('are tried again where a page of a captive portal answers', async () => {
    const sink = otlpSink({
      url: '/v1/logs',
      filesUrl: '/v1/files',
      installationsUrl: '/v1/installations',
      fetch: async () => new Response('<p>', { headers: { 'content-type': 'text/html' } }),
    })
    expect(await sink.sendFile?.(file, { signal })).toEqual({ status: 'retry' })
    expect(await sink.erase?.('installation-1', { signal })).toEqual({ status: 'retry' })
  })

  it('are not offered where no endpoint is named', () => {
    const sink = otlpSink({ url: '/v1/logs' })
    expect([sink.sendFile, sink.erase]).toEqual([undefined, undefined])
  })
})
