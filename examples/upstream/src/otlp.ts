import * as v from 'valibot'

/** One log record as it is stored: its resource's facts beside it, its attributes as plain JSON. */
export interface LogRecord {
  uid: string
  name: string
  at: string
  installation: string | null
  service: string | null
  serviceVersion: string | null
  attributes: Record<string, unknown>
  body: string | null
}

export const MAX_RECORDS = 5_000

const MAX_ATTRIBUTES = 128
const MAX_RECORD_CHARACTERS = 64 * 1024

interface AnyValue {
  stringValue?: string | undefined
  boolValue?: boolean | undefined
  intValue?: string | number | undefined
  doubleValue?: number | string | undefined
  bytesValue?: string | undefined
  arrayValue?: { values?: AnyValue[] | undefined } | undefined
  kvlistValue?: { values?: KeyValue[] | undefined } | undefined
}

interface KeyValue {
  key: string
  value?: AnyValue | undefined
}

const AnyValue: v.GenericSchema<AnyValue> = v.object({
  stringValue: v.optional(v.string()),
  boolValue: v.optional(v.boolean()),
  intValue: v.optional(v.union([v.pipe(v.string(), v.regex(/^-?\d{1,19}$/)), v.number()])),
  doubleValue: v.optional(v.union([v.number(), v.picklist(['NaN', 'Infinity', '-Infinity'])])),
  bytesValue: v.optional(v.string()),
  arrayValue: v.optional(v.object({ values: v.optional(v.array(v.lazy(() => AnyValue))) })),
  kvlistValue: v.optional(v.object({ values: v.optional(v.array(v.lazy(() => KeyValue))) })),
})

const KeyValue: v.GenericSchema<KeyValue> = v.object({
  key: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  value: v.optional(AnyValue),
})

const Attributes = v.optional(v.pipe(v.array(KeyValue), v.maxLength(MAX_ATTRIBUTES)), [])

const Nanoseconds = v.union([v.pipe(v.string(), v.digits(), v.maxLength(20)), v.number()])

/** The frame of a request; its records are read one by one, so that one bad record does not cost the others. */
export const LogsRequest = v.object({
  resourceLogs: v.optional(
    v.array(
      v.object({
        resource: v.optional(v.object({ attributes: Attributes }), { attributes: [] }),
        scopeLogs: v.optional(
          v.array(v.object({ logRecords: v.optional(v.array(v.unknown()), []) })),
          [],
        ),
      }),
    ),
    [],
  ),
})

const Record = v.object({
  timeUnixNano: v.optional(Nanoseconds),
  observedTimeUnixNano: v.optional(Nanoseconds),
  eventName: v.optional(v.pipe(v.string(), v.maxLength(200)), ''),
  body: v.optional(AnyValue),
  attributes: Attributes,
})

/** Reads one record; a sentence says why not. */
export function readRecord(
  input: unknown,
  resource: Readonly<Record<string, unknown>>,
): LogRecord | string {
  const result = v.safeParse(Record, input)
  if (!result.success) return `a record has a wrong ${v.getDotPath(result.issues[0]) ?? 'shape'}`
  const { eventName, body, timeUnixNano, observedTimeUnixNano } = result.output
  const { 'log.record.uid': uid, ...attributes } = toObject(result.output.attributes)
  if (typeof uid !== 'string' || uid === '' || uid.length > 200)
    return 'a record has no log.record.uid'
  const at = toTime(timeUnixNano) ?? toTime(observedTimeUnixNano)
  if (at === null) return 'a record has no time'
  // A resource speaks for all its records; a record may say it for itself.
  const facts = { ...resource, ...attributes }
  const record: LogRecord = {
    uid,
    name: eventName,
    at,
    installation: textOf(facts['app.installation.id']),
    service: textOf(facts['service.name']),
    serviceVersion: textOf(facts['service.version']),
    attributes,
    body: body === undefined ? null : toText(toPlain(body)),
  }
  const json = JSON.stringify(record)
  if (json.length > MAX_RECORD_CHARACTERS)
    return `a record is above ${MAX_RECORD_CHARACTERS} characters`
  // What PostgreSQL's JSON cannot hold would cost the whole request.
  if (/\\u0000|\\ud[89a-f]/.test(json)) return 'a record has text that is not Unicode'
  return record
}

export function toObject(pairs: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, value ? toPlain(value) : null]))
}

function toPlain(value: AnyValue): unknown {
  if (value.intValue !== undefined) {
    const number = Number(value.intValue)
    return Number.isSafeInteger(number) ? number : String(value.intValue)
  }
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(toPlain)
  if (value.kvlistValue) return toObject(value.kvlistValue.values ?? [])
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? value.bytesValue ?? null
}

function toText(plain: unknown): string {
  return typeof plain === 'string' ? plain : JSON.stringify(plain)
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value.length <= 200 ? value : null
}

// The end of the year 9999, where dates stop being written with four digits.
const MAX_MS = 253_402_300_799_999

function toTime(nanoseconds: string | number | undefined): string | null {
  if (nanoseconds === undefined || !/^\d+$/.test(String(nanoseconds))) return null
  const ms = Number(BigInt(nanoseconds) / 1_000_000n)
  return ms > 0 && ms <= MAX_MS ? new Date(ms).toISOString() : null
}
