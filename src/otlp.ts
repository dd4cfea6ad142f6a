import { GraySyncError } from './model/errors.js'
import type { Platform } from './model/platform.js'
import type { Lane, Sink, SinkResult, TelemetryRecord } from './model/record.js'
import { gzip } from './platform/gzip.js'
import { readRetryAfter } from './platform/http.js'

interface KeyValue {
  key: string
  value: AnyValue
}

type AnyValue =
  | { stringValue: string }
  | { boolValue: boolean }
  | { intValue: string }
  | { doubleValue: number | string }
  | { arrayValue: { values: AnyValue[] } }
  | { kvlistValue: { values: KeyValue[] } }
  | Record<string, never>

type Attributes = Readonly<Record<string, unknown>>

const SEVERITY: Readonly<Record<Lane, number>> = { feedback: 9, error: 17, exposure: 9, metric: 9 }
// What 64 bits of nanoseconds reach.
const LAST_MS = 18_446_744_073_709
const WORTH_ZIPPING = 1_024
// A measure keeps its type when it happens to be whole.
const MEASURE = /\.(ms|ratio)$/

/** How records reach an OpenTelemetry collector. */
export interface OtlpOptions {
  /** Of the logs endpoint, for example `https://telemetry.example/v1/logs`. */
  url: string
  /** Attributes of what sends, such as `service.name` and `service.version`. @default only `telemetry.sdk.name` */
  resource?: Readonly<Record<string, string>>
  /** Sent along with each request. @default none */
  headers?: Readonly<Record<string, string>>
  /** Where files of feedback are posted, as `<filesUrl>/<id of the entry>`. @default none: files are given up */
  filesUrl?: string
  /** Where an installation's data is deleted, as `DELETE <installationsUrl>/<id>`. @default none */
  installationsUrl?: string
  /** @default the page's own */
  fetch?: Platform['fetch']
}

/**
 * Makes a sink that posts records as OTLP/HTTP JSON logs.
 *
 * Every record carries its id as `log.record.uid`, and every request a stable `Idempotency-Key`: an intake that
 * honours either stores each record once; a stock collector may see one twice.
 * Larger requests are gzipped, which OTLP asks every receiver to take.
 * Records that a `partialSuccess` rejects are counted and not sent again.
 *
 * @throws GraySyncError `OPTION` when `url` is missing.
 * @example
 * const sink = otlpSink({
 *   url: '/v1/logs',
 *   resource: { 'service.name': 'CardEverything', 'service.version': '5.7.0' },
 * })
 */
export function otlpSink(options: OtlpOptions): Sink {
  if (typeof options.url !== 'string' || options.url === '') {
    throw new GraySyncError('OPTION', `otlpSink: "url" must name an endpoint, got ${options.url}`)
  }
  const resource = { 'telemetry.sdk.name': 'graysync', ...options.resource }
  const post: Platform['fetch'] = options.fetch ?? ((input, init) => globalThis.fetch(input, init))

  const ask = async (url: string, init: RequestInit): Promise<SinkResult> => {
    try {
      const response = await post(url, {
        ...init,
        headers: { ...options.headers, ...init.headers },
      })
      return response.ok ? await readAcceptance(response) : toRefusal(response)
    } catch {
      return { status: 'retry' }
    }
  }
  const { filesUrl, installationsUrl } = options

  return {
    ...(filesUrl && {
      sendFile: ({ id, entry, blob }, { signal }) =>
        ask(`${filesUrl}/${encodeURIComponent(entry)}`, {
          method: 'POST',
          headers: { 'content-type': blob.type, 'idempotency-key': id },
          body: blob,
          signal,
        }),
    }),
    ...(installationsUrl && {
      erase: (installation, { signal }) =>
        ask(`${installationsUrl}/${encodeURIComponent(installation)}`, {
          method: 'DELETE',
          signal,
        }),
    }),
    async send({ id, records }, { signal, lastBreath }) {
      const text = JSON.stringify(toLogs(resource, records))
      // A closing page has no time for what is not synchronous.
      const zipped = lastBreath || text.length < WORTH_ZIPPING ? null : await gzip(text)
      try {
        const response = await post(options.url, {
          method: 'POST',
          headers: {
            ...options.headers,
            'content-type': 'application/json',
            ...(zipped && { 'content-encoding': 'gzip' }),
            'idempotency-key': id,
          },
          body: zipped ?? text,
          keepalive: lastBreath,
          signal,
        })
        return response.ok ? await readAcceptance(response) : toRefusal(response)
      } catch {
        return { status: 'retry' }
      }
    },
  }
}

async function readAcceptance(response: Response): Promise<SinkResult> {
  // A page in place of an answer is a captive portal's: nobody has stored anything.
  if (response.headers.get('content-type')?.includes('text/html')) return { status: 'retry' }
  try {
    const { partialSuccess } = await response.json()
    const rejected = Number(partialSuccess?.rejectedLogRecords)
    return rejected > 0 ? { status: 'accepted', rejected } : { status: 'accepted' }
  } catch {
    return { status: 'accepted' }
  }
}

function toRefusal({ status, headers }: Response): SinkResult {
  if (status >= 500 || status === 429 || status === 408) {
    // An instant is of use only where the server's own clock stands beside it.
    const afterMs = readRetryAfter(headers, Number.NaN) ?? Number.NaN
    return Number.isNaN(afterMs) ? { status: 'retry' } : { status: 'retry', afterMs }
  }
  if (status === 413) return { status: 'refused', because: 'tooLarge' }
  return { status: 'refused', because: status === 400 || status === 422 ? 'poison' : 'config' }
}

/** An ExportLogsServiceRequest in OTLP's JSON encoding. */
function toLogs(resource: Attributes, records: readonly TelemetryRecord[]): object {
  const scopeLogs = [{ scope: { name: 'graysync' }, logRecords: records.map(toLogRecord) }]
  return { resourceLogs: [{ resource: { attributes: toKeyValues(resource) }, scopeLogs }] }
}

function toLogRecord({ uid, name, at, lane, attributes, body }: TelemetryRecord): object {
  // Nanoseconds don't fit a double: the digits are appended as text. A clock gone wild must not cost the batch.
  const nanos = `${Math.min(Math.max(0, Math.floor(at) || 0), LAST_MS)}000000`
  return {
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    severityNumber: SEVERITY[lane],
    eventName: name,
    ...(body !== undefined && { body: { stringValue: body } }),
    attributes: toKeyValues({ ...attributes, 'log.record.uid': uid }),
  }
}

function toKeyValues(attributes: Attributes): KeyValue[] {
  return Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value: toAnyValue(value, MEASURE.test(key)) }))
}

function toAnyValue(value: unknown, isMeasure = false): AnyValue {
  if (value === null || value === undefined) return {}
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number') return toNumber(value, isMeasure)
  if (Array.isArray(value)) return { arrayValue: { values: value.map((item) => toAnyValue(item)) } }
  if (typeof value === 'object') return { kvlistValue: { values: toKeyValues({ ...value }) } }
  return { stringValue: String(value) }
}

function toNumber(value: number, isMeasure: boolean): AnyValue {
  if (Number.isSafeInteger(value) && !isMeasure) return { intValue: String(value) }
  return { doubleValue: Number.isFinite(value) ? value : String(value) }
}
