import type { Database, Row } from './database.js'

/** What the dashboard shows: plain JSON, every list bounded. */
export interface Figures {
  at: string
  devices: Row
  rollouts: Row[]
  sync: Row[]
  trend: Row[]
  errors: Row[]
  handovers: Row
  divergences: Row[]
  feedback: Row
  surveys: Row[]
}

/** Reads all figures; those of records cover the last seven days, the trend the last 24 hours. */
export async function readFigures(database: Database): Promise<Figures> {
  const one = async (sql: string): Promise<Row> => (await list(sql))[0] ?? {}
  const list = async (sql: string): Promise<Row[]> => {
    const rows = await database.query<{ figure: Row }>(
      `select to_jsonb(figure) as figure from (${sql}) as figure`,
    )
    return rows.map((row) => row.figure)
  }
  const [devices, rollouts, sync, trend, errors, handovers, divergences, feedback, surveys] =
    await Promise.all([
      one(DEVICES),
      list(ROLLOUTS),
      list(SYNC),
      list(TREND),
      list(ERRORS),
      one(HANDOVERS),
      list(DIVERGENCES),
      one(FEEDBACK),
      list(SURVEYS),
    ])
  const at = new Date().toISOString()
  return { at, devices, rollouts, sync, trend, errors, handovers, divergences, feedback, surveys }
}

const WEEK = "now() - interval '7 days'"

const DEVICES = `
  select
    (select count(*) from graysync_devices where last_seen > ${WEEK}) as total,
    (select count(*) from graysync_devices where last_seen > now() - interval '1 hour') as active,
    coalesce((
      select jsonb_agg(place order by devices desc, engine, stage) from (
        select engine, stage, count(*) as devices from graysync_devices
        where last_seen > ${WEEK} group by engine, stage
        order by devices desc limit 50
      ) as place
    ), '[]') as places`

const ROLLOUTS = `
  select distinct on (name) name, version, stored_at as "storedAt", payload - array[
    'deny', 'allow', 'segments', 'guardrails', 'feedback', 'hash'
  ] as rollout
  from graysync_rollouts order by name, version desc limit 20`

const number = (name: string): string => `coalesce(graysync_number(attributes, '${name}'), 0)`

const SYNC = `
  select attributes ->> 'graysync.engine' as engine,
    sum(${number('graysync.acked')}) as acked,
    sum(${number('graysync.failed')}) as failed,
    count(distinct installation) as devices
  from graysync_records
  where name = 'graysync.sync.window' and at > ${WEEK}
  group by 1 order by 1 limit 10`

const TREND = `
  select date_trunc('hour', at) as hour, attributes ->> 'graysync.engine' as engine,
    sum(${number('graysync.acked')}) as acked,
    sum(${number('graysync.failed')}) as failed
  from graysync_records
  where name = 'graysync.sync.window' and at > now() - interval '24 hours' and at <= now()
  group by 1, 2 order by 1, 2 limit 200`

const ERRORS = `
  select coalesce(attributes ->> 'graysync.fingerprint', attributes ->> 'exception.type') as fingerprint,
    max(attributes ->> 'exception.type') as type,
    left(max(attributes ->> 'exception.message'), 300) as message,
    count(*) as count, count(distinct installation) as devices,
    array_agg(distinct attributes ->> 'graysync.engine') as engines,
    max(at) as last
  from graysync_records
  where name = 'exception' and at > ${WEEK}
  group by 1 order by devices desc, count desc, last desc limit 30`

const HANDOVERS = `
  select
    count(*) filter (where attributes ->> 'graysync.handover.outcome' = 'committed') as committed,
    count(*) filter (where attributes ->> 'graysync.handover.outcome' = 'aborted') as aborted,
    coalesce(sum(${number('graysync.handover.moved')}), 0) as moved,
    coalesce((
      select jsonb_agg(recent) from (
        select at, attributes ->> 'graysync.handover.from' as "from",
          attributes ->> 'graysync.handover.to' as "to",
          attributes ->> 'graysync.handover.outcome' as outcome,
          attributes ->> 'graysync.handover.because' as because,
          graysync_number(attributes, 'graysync.handover.moved') as moved,
          graysync_number(attributes, 'graysync.handover.duration.ms') as "durationMs",
          installation
        from graysync_records
        where name = 'graysync.handover' and at > ${WEEK}
        order by at desc limit 12
      ) as recent
    ), '[]') as recent
  from graysync_records where name = 'graysync.handover' and at > ${WEEK}`

const DIVERGENCES = `
  select attributes ->> 'graysync.divergence.table' as "table",
    attributes ->> 'graysync.divergence.kind' as kind,
    attributes ->> 'graysync.divergence.paths' as paths,
    sum(${number('graysync.divergence.count')}) as count,
    count(distinct installation) as devices,
    max(at) as last
  from graysync_records
  where name = 'graysync.divergence' and at > ${WEEK}
  group by 1, 2, 3 order by count desc, last desc limit 30`

// Whoever is at their wit's end, or sends an error along, is read first.
const URGENT = `(
  coalesce(graysync_number(attributes, 'graysync.feedback.rating') <= 2, false)
  or coalesce(attributes ->> 'graysync.feedback.severity' = 'high', false)
  or attributes ? 'graysync.feedback.context.error'
)`

// As `scoreCsat` and `scoreNps` of the package reckon.
const SURVEYS = `
  select attributes ->> 'graysync.survey.id' as id, kind, count(*) as answers,
    round(avg(case
      when kind = 'csat' then case when score >= 4 then 1 else 0 end
      when score >= 9 then 1 when score <= 6 then -1 else 0
    end), 4) as score,
    max(at) as last
  from graysync_records,
    lateral (select attributes ->> 'graysync.survey.kind' as kind,
      graysync_number(attributes, 'graysync.survey.score') as score) as answer
  where name = 'graysync.survey.answered' and at > ${WEEK}
    and kind in ('csat', 'nps') and score between 0 and 10
  group by 1, 2 order by answers desc limit 20`

const FEEDBACK = `
  select count(*) as count,
    round(avg(graysync_number(attributes, 'graysync.feedback.rating')), 2) as rating,
    count(*) filter (where ${URGENT}) as urgent,
    coalesce((
      select jsonb_object_agg(category, entries) from (
        select coalesce(attributes ->> 'graysync.feedback.category', 'other') as category,
          count(*) as entries
        from graysync_records
        where name = 'graysync.feedback.submitted' and at > ${WEEK}
        group by 1 order by entries desc limit 10
      ) as counted
    ), '{}') as categories,
    coalesce((
      select jsonb_agg(counted order by counted.day) from (
        select date_trunc('day', at) as day, count(*) as entries,
          round(avg(graysync_number(attributes, 'graysync.feedback.rating')), 2) as rating
        from graysync_records
        where name = 'graysync.feedback.submitted' and at > ${WEEK} and at <= now()
        group by 1 limit 8
      ) as counted
    ), '[]') as days,
    coalesce((
      select jsonb_agg(recent) from (
        select uid, at, body as text, ${URGENT} as urgent,
          exists (select from graysync_files where entry = uid) as file,
          graysync_number(attributes, 'graysync.feedback.rating') as rating,
          attributes ->> 'graysync.feedback.category' as category,
          attributes ->> 'graysync.feedback.severity' as severity,
          attributes ->> 'graysync.feedback.contact' as contact,
          attributes ->> 'graysync.engine' as engine,
          attributes ->> 'graysync.stage' as stage,
          service_version as version
        from graysync_records
        where name = 'graysync.feedback.submitted' and at > ${WEEK}
        order by urgent desc, at desc limit 30
      ) as recent
    ), '[]') as recent
  from graysync_records where name = 'graysync.feedback.submitted' and at > ${WEEK}`
