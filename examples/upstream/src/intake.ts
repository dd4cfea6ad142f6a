import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { type Context, Hono } from 'hono'
import type { Database } from './database.js'
import { limitBody, MEBIBYTE, parseJson } from './limits.js'
import { type LogRecord, LogsRequest, MAX_RECORDS, readRecord, toObject } from './otlp.js'
import { parse, refuse } from './problem.js'

const MAX_BODY_BYTES = 4 * MEBIBYTE
const KEPT_DAYS = 90

const unzip = promisify(gunzip)

/** Takes OTLP/HTTP JSON logs: telemetry, and feedback among it. A record that comes twice is stored once. */
export function createIntake(o: { database: Database; onRecords(): void }): Hono {
  const { database } = o
  const app = new Hono()

  app.post('/logs', limitBody(MAX_BODY_BYTES), async (c) => {
    const { resourceLogs } = parse(LogsRequest, await readBody(c))
    const records: LogRecord[] = []
    const complaints: string[] = []
    for (const { resource, scopeLogs } of resourceLogs) {
      const facts = toObject(resource.attributes)
      for (const input of scopeLogs.flatMap((scope) => scope.logRecords)) {
        const record = readRecord(input, facts)
        if (typeof record === 'string') complaints.push(record)
        else records.push(record)
      }
    }
    if (records.length + complaints.length > MAX_RECORDS) {
      throw refuse(413, { code: 'SIZE', message: `A request has at most ${MAX_RECORDS} records` })
    }
    if ((await storeRecords(database, records)) > 0) o.onRecords()
    if (complaints.length === 0) return c.json({})
    const [errorMessage] = complaints
    return c.json({
      partialSuccess: { rejectedLogRecords: String(complaints.length), errorMessage },
    })
  })

  return app
}

/** Deletes records and files older than 90 days. */
export async function pruneRecords(database: Database): Promise<void> {
  for (const table of ['graysync_records', 'graysync_files']) {
    await database.query(
      `delete from ${table} where received_at < now() - make_interval(days => $1::int)`,
      [KEPT_DAYS],
    )
  }
}

async function readBody(c: Context): Promise<unknown> {
  const type = c.req.header('Content-Type') ?? ''
  if (!/^application\/json\b/i.test(type)) {
    throw refuse(415, { code: 'TYPE', message: 'Send application/json' })
  }
  const encoding = c.req.header('Content-Encoding') ?? 'identity'
  if (encoding !== 'gzip' && encoding !== 'identity') {
    throw refuse(415, { code: 'TYPE', message: 'Send gzip, or no encoding' })
  }
  const bytes = Buffer.from(await c.req.arrayBuffer())
  return parseJson((encoding === 'gzip' ? await unzipBody(bytes) : bytes).toString('utf8'))
}

async function unzipBody(bytes: Buffer): Promise<Buffer> {
  try {
    return await unzip(bytes, { maxOutputLength: MAX_BODY_BYTES })
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw refuse(413, { code: 'SIZE', message: `A body has at most ${MAX_BODY_BYTES} bytes` })
    }
    throw refuse(400, { code: 'INVALID', message: 'The body is not gzip' })
  }
}

/** Answers how many were new. A device's newest record says where the device stands. */
async function storeRecords(database: Database, records: readonly LogRecord[]): Promise<number> {
  if (records.length === 0) return 0
  const rows = await database.query<{ count: number }>(STORE, [JSON.stringify(records)])
  return rows[0]?.count ?? 0
}

// Rows are written in a fixed order, so that two requests never wait for each other in a circle.
// A device's clock that runs ahead must not keep its entry from moving: the time counts at most as now.
const STORE = `
  with given as (
    select distinct on (uid) * from rows from (
      jsonb_to_recordset($1::jsonb) as (
        uid text, name text, at timestamptz, installation text, service text,
        "serviceVersion" text, attributes jsonb, body text
      )
    ) with ordinality as given (
      uid, name, at, installation, service, "serviceVersion", attributes, body, position
    ) order by uid
  ), stored as (
    insert into graysync_records (uid, name, at, installation, service, service_version, attributes, body)
    select uid, name, at, installation, service, "serviceVersion", attributes, body
    from given order by uid
    on conflict (uid) do nothing
    returning *
  ), newest as (
    select distinct on (installation) stored.* from stored join given using (uid)
    where stored.installation is not null order by installation, stored.at desc, position desc
  ), placed as (
    insert into graysync_devices as device (
      installation, service, service_version, engine, stage, arm, rollout_version, last_seen
    )
    select
      installation, service, service_version, attributes ->> 'graysync.engine',
      attributes ->> 'graysync.stage', attributes ->> 'graysync.arm',
      graysync_number(attributes, 'graysync.rollout.version'), least(at, now())
    from newest order by installation
    on conflict (installation) do update set
      service = coalesce(excluded.service, device.service),
      service_version = coalesce(excluded.service_version, device.service_version),
      engine = coalesce(excluded.engine, device.engine),
      stage = excluded.stage,
      arm = coalesce(excluded.arm, device.arm),
      rollout_version = coalesce(excluded.rollout_version, device.rollout_version),
      last_seen = excluded.last_seen
    where excluded.last_seen >= device.last_seen
  )
  select count(*)::int as count from stored`
