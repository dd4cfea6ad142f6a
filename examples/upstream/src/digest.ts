import * as v from 'valibot'
import type { Database } from './database.js'
import { parse } from './problem.js'
import type { Table } from './tables.js'

const MOST_PREFIXES = 1_000
const MOST_IGNORED = 200

const Question = v.object({
  salt: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  ignore: v.pipe(
    v.array(v.pipe(v.array(v.nullable(v.pipe(v.string(), v.maxLength(200)))), v.minLength(1))),
    v.maxLength(MOST_IGNORED),
  ),
  prefixes: v.pipe(
    v.array(v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]{0,11}$/))),
    v.minLength(1),
    v.maxLength(MOST_PREFIXES),
  ),
})

/** Any one step of a place: what a name with a dot in it looks like is in the SQL. */
const ANY_STEP = '(?:\\\\.|[^.\\\\])+'

/** Answers what a user's rows of a table sum up to, part by part. */
export async function answerDigest(
  database: Database,
  o: { table: Table; user: string; body: unknown },
): Promise<string> {
  const { salt, ignore, prefixes } = parse(Question, o.body)
  const rows = await database.query<{ prefix: string; answer: string }>(
    `with asked as (
       select jsonb_array_elements_text($3::jsonb) as prefix
     ),
     levels as materialized (
       select distinct length(prefix) as depth from asked
     ),
     own as (
       select coalesce(array_agg(held.id), '{}') as ids,
         coalesce(array_agg(to_jsonb(held) - 'graysync_change' - 'is_deleted'), '{}') as rows
       from ${o.table} as held
       where user_id = $1 and not is_deleted and exists (
         select from levels
         where left(graysync_place($2, held.id), levels.depth) in (select prefix from asked)
       )
     )
     select answered.prefix, answered.answer
     from own, graysync_digest_rows(
       $2, array(select prefix from asked), own.ids, own.rows, $4
     ) as answered`,
    [o.user, salt, JSON.stringify(prefixes), toPattern(ignore)],
  )
  const byPrefix = new Map(rows.map(({ prefix, answer }) => [prefix, answer]))
  return `{"answers":[${prefixes.map((prefix) => byPrefix.get(prefix)).join()}]}`
}

function toPattern(ignore: readonly (readonly (string | null)[])[]): string {
  if (ignore.length === 0) return '^$'
  const places = ignore.map((steps) =>
    steps.map((step) => (step === null ? ANY_STEP : escapePattern(escapeName(step)))).join('\\.'),
  )
  return `^(?:${places.join('|')})$`
}

function escapeName(name: string): string {
  return name
    .replace(/\\/g, '\\\\')
    .replace(/\n/g, '\\n')
    .replace(/\./g, '\\.')
    .replace(/ /g, '\\s')
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
