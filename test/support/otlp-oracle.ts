import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JsonLogsSerializer } from '@opentelemetry/otlp-transformer'
import fc from 'fast-check'
import type { TelemetryRecord } from '../../src/model/record.js'
import { otlpSink } from '../../src/otlp.js'
import { type DecodedLogs, encodeLogs, LOGS_PROTO, readLogs } from './logs-schema.js'

const RESOURCE = { 'service.name': 'oracle', 'service.version': '1.2.3' }
const PYTHON = '/usr/bin/python3'
const SEVERITY = { feedback: 9, error: 17, exposure: 9, metric: 9 } as const
/** Numbers under these names are doubles however whole. */
const MEASURE = /\.(ms|ratio)$/

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger(),
    // JSON has no negative zero.
    fc.double().map((number) => number + 0),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'binary' }), tie('any'), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
})).any

const name = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('graysync.oldest.ms', 'graysync.miss.ratio', 'graysync.acked'),
)

/** Records of anything that a record may hold. */
export const anyRecord: fc.Arbitrary<TelemetryRecord> = fc.record(
  {
    uid: fc.uuid(),
    name: fc.string({ unit: 'binary' }),
    at: fc.integer({ min: 0, max: 4_102_444_800_000 }),
    lane: fc.constantFrom('feedback', 'error', 'exposure', 'metric'),
    attributes: fc.dictionary(name, value, { noNullPrototype: true }),
    body: fc.string({ unit: 'binary' }),
  },
  { requiredKeys: ['uid', 'name', 'at', 'lane', 'attributes'] },
)

/** What is missing for Google's protobuf to read along, or `null`. */
export function findGoogleAbsence(): string | null {
  try {
    execFileSync('protoc', ['--version'], { stdio: 'ignore' })
    execFileSync(PYTHON, ['-c', 'import google.protobuf'], { stdio: 'ignore' })
    return null
  } catch {
    const missing = existsSync(PYTHON) ? 'protoc with python3-protobuf' : PYTHON
    return `no ${missing}`
  }
}

/**
 * Has random batches read by protobufjs, by Google's protobuf where it is here, and beside what OpenTelemetry's own
 * exporter makes of the same records. Throws at the first that any of them reads otherwise.
 */
export async function consultOracles(o: {
  batches: number
  seed: number
  google: boolean
}): Promise<{ records: number }> {
  const batches = fc.sample(fc.array(anyRecord, { maxLength: 8 }), {
    numRuns: o.batches,
    seed: o.seed,
  })
  const texts: string[] = []
  for (const records of batches) {
    const text = await write(records)
    const json: unknown = JSON.parse(text)
    isRead(readLogs(encodeLogs(json)), records)
    compareWithTheirs(json, records)
    texts.push(text)
  }
  if (o.google) {
    const read = await readByGoogle(texts)
    assert.equal(read.length, batches.length)
    for (const [at, records] of batches.entries())
      isRead(readLogs(read[at] ?? Buffer.of()), records)
  }
  return { records: batches.reduce((sum, records) => sum + records.length, 0) }
}

async function write(records: readonly TelemetryRecord[]): Promise<string> {
  let text = ''
  const sink = otlpSink({
    url: 'https://telemetry.example/v1/logs',
    resource: RESOURCE,
    async fetch(_, init) {
      text = String(init?.body)
      return Response.json({})
    },
  })
  // A last breath is not zipped.
  const { signal } = new AbortController()
  await sink.send({ id: 'batch', records }, { signal, lastBreath: true })
  return text
}

function isRead({ resource, records: read }: DecodedLogs, records: readonly TelemetryRecord[]) {
  const withName = { 'telemetry.sdk.name': 'graysync', ...RESOURCE }
  assert.deepEqual(new Map(resource), new Map(Object.entries(withName)))
  assert.equal(read.length, records.length)
  records.forEach((sent, at) => {
    const got = read[at]
    assert.equal(got?.name, sent.name)
    assert.equal(got?.nanos, BigInt(sent.at) * 1_000_000n)
    assert.equal(got?.severity, SEVERITY[sent.lane])
    assert.equal(got?.body, sent.body)
    const told = Object.entries({ ...sent.attributes, 'log.record.uid': sent.uid })
    assert.deepEqual(new Map(got?.attributes), new Map(told))
  })
}

async function readByGoogle(texts: readonly string[]): Promise<Buffer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'graysync-oracle-'))
  try {
    await writeFile(join(folder, 'logs.proto'), LOGS_PROTO)
    execFileSync('protoc', [`--python_out=${folder}`, 'logs.proto'], { cwd: folder })
    const script = new URL('./google-protobuf.py', import.meta.url).pathname
    const lines = execFileSync(PYTHON, [script, folder], {
      input: texts.join('\n'),
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    })
    return lines
      .split('\n')
      .slice(0, -1)
      .map((hex) => Buffer.from(hex, 'hex'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

type Json = Record<string, unknown>

/** OpenTelemetry's exporter over the same records: equal but where `isDocumented` says why not. */
function compareWithTheirs(ours: unknown, records: readonly TelemetryRecord[]): void {
  const resource = { attributes: { 'telemetry.sdk.name': 'graysync', ...RESOURCE } }
  const scope = { name: 'graysync' }
  const logs = records.map(({ name: eventName, at, lane, attributes, uid, body }) => {
    const time = [Math.floor(at / 1_000), (at % 1_000) * 1_000_000]
    return {
      hrTime: time,
      hrTimeObserved: time,
      severityNumber: SEVERITY[lane],
      eventName,
      attributes: { ...attributes, 'log.record.uid': uid },
      ...(body !== undefined && { body }),
      resource,
      instrumentationScope: scope,
    }
  })
  if (logs.length === 0) return
  const bytes = JsonLogsSerializer.serializeRequest(logs as never)
  compare(ours, JSON.parse(new TextDecoder().decode(bytes)), '')
}

function compare(ours: unknown, theirs: unknown, key: string): void {
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    assert.equal(ours.length, theirs.length)
    ours.forEach((item, at) => void compare(item, theirs[at], key))
  } else if (isJson(ours) && isJson(theirs)) {
    if (isDocumented(ours, theirs, key)) return
    const named = typeof ours.key === 'string' ? ours.key : key
    const names = Object.keys(theirs).filter((each) => each in ours || !isLeftOut(theirs, each))
    assert.deepEqual(Object.keys(ours).sort(), names.sort())
    for (const each of names) {
      // Ours appends its zeros as text, to an instant of 0 as well.
      if (each.endsWith('UnixNano')) assert.equal(toNumber(ours[each]), toNumber(theirs[each]))
      else compare(ours[each], theirs[each], named)
    }
  } else assert.deepEqual(ours, theirs)
}

/** Ours leaves out what says nothing: a count of 0, a body that there is none of. */
function isLeftOut(theirs: Json, name: string): boolean {
  if (name === 'droppedAttributesCount') return theirs[name] === 0
  return name === 'body' && isJson(theirs[name]) && Object.keys(theirs[name]).length === 0
}

function isDocumented(ours: Json, theirs: Json, key: string): boolean {
  // Theirs writes a whole number as a number; ours as digits in a text, as the protocol has it.
  if ('intValue' in ours) return ours.intValue === String(theirs.intValue)
  if (!('doubleValue' in ours)) return false
  const { doubleValue } = ours
  // Theirs loses what is no number to JSON's null; ours names it.
  if (typeof doubleValue === 'string') return theirs.doubleValue === null
  // Theirs gives a measure another type whenever it happens to be whole, and calls whole what 53 bits can't hold.
  const isOther = MEASURE.test(key) || !Number.isSafeInteger(doubleValue)
  return isOther && doubleValue === (theirs.intValue ?? theirs.doubleValue)
}

const toNumber = (digits: unknown): bigint => BigInt(String(digits))

function isJson(given: unknown): given is Json {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
}
