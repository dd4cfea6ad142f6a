import { type Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Database, Value } from './database.js'
import { answerDigest } from './digest.js'
import { type Limit, limitBody, limitRate, MEBIBYTE, readJson } from './limits.js'
import {
  apply,
  parseApply,
  parseColumns,
  parseRow,
  parseSender,
  type Write,
  worstOutcome,
  write,
} from './operations.js'
import { readChunks, streamJson } from './pages.js'
import { parse, refuse } from './problem.js'
import { toLocalRow } from './row.js'
import { Id, TABLE_NAMES, type Table } from './tables.js'
import { authenticate, type UserEnv } from './user.js'

const MAX_BODY_BYTES = 8 * MEBIBYTE
const MAX_PAGE_BYTES = 8 * MEBIBYTE
const MAX_ROWS = 1_000
const STATUS = { applied: 200, duplicate: 200, conflict: 422, fenced: 409 } as const

const Limit1000 = v.optional(
  v.pipe(v.string(), v.digits(), v.transform(Number), v.minValue(1), v.maxValue(MAX_ROWS)),
  String(MAX_ROWS),
)

/** The sync backend of the demo app: rows for the legacy engine, operations and changes for the refactored one. */
export function createSync(o: { database: Database; limit: Limit }): Hono<UserEnv> {
  const { database } = o
  const app = new Hono<UserEnv>()
  app.use(authenticate(database))
  app.use(limitRate(o.limit, (c) => c.get('user')))
  app.use(limitBody(MAX_BODY_BYTES))

  app.post('/rest/:table', async (c) => {
    const table = tableOf(c)
    const body = await readJson(c)
    const list = Array.isArray(body) ? body : [body]
    if (list.length > MAX_ROWS) {
      throw refuse(413, { code: 'SIZE', message: `A request has at most ${MAX_ROWS} rows` })
    }
    const writes = list.map((input: unknown, index): Write => {
      const row = parseRow(table, input, c.get('user'), Array.isArray(body) ? String(index) : '')
      return { entity: table, entityId: row.id, kind: 'put', row }
    })
    return takeWrites(c, database, writes)
  })

  app.patch('/rest/:table', async (c) => {
    const table = tableOf(c)
    const id = /^eq\.(.*)$/s.exec(c.req.query('id') ?? '')?.[1]
    const entityId = parse(Id, id, 'id')
    const row = parseColumns(table, await readJson(c), c.get('user'))
    if (row.id !== undefined && row.id !== entityId) {
      throw refuse(400, {
        code: 'INVALID',
        message: 'id is another than in the query',
        field: 'id',
      })
    }
    const write: Write = isTombstone(row)
      ? { entity: table, entityId, kind: 'delete' }
      : { entity: table, entityId, kind: 'patch', row }
    return takeWrites(c, database, [write])
  })

  app.get('/rest/:table', (c) => {
    const table = tableOf(c)
    const after = c.req.query('after') ?? ''
    const rows = readRows(database, table, c.get('user'), after, limitOf(c), '')
    return streamJson('[', texts(rows), ']')
  })

  app.post('/apply', async (c) => {
    const { sender, writes } = parseApply(await readJson(c), c.get('user'))
    const results = await apply(database, c.get('user'), sender, writes)
    const outcome = worstOutcome(results)
    c.header('graysync-term', String(sender.term))
    c.header('graysync-outcome', outcome)
    return c.json({ results }, outcome === 'fenced' ? 409 : 200)
  })

  app.get('/changes', async (c) => {
    const user = c.get('user')
    const epoch = await readEpoch(database)
    const start = cursorOf(c.req.query('after') ?? '', epoch)
    const limit = limitOf(c)
    const rows: Change[] = []
    let bytes = 0
    let more = false
    const chunks = readChunks<Change>(limit + 1, (last, count) =>
      database.query(CHANGES, [user, last?.change ?? start, count]),
    )
    for await (const row of each(chunks)) {
      more = rows.length === limit || (rows.length > 0 && bytes + row.text.length > MAX_PAGE_BYTES)
      if (more) break
      rows.push(row)
      bytes += row.text.length
    }
    const cursor = JSON.stringify(`${epoch}.${rows.at(-1)?.change ?? start}`)
    const list = rows.map((row) => `{"table":"${row.entity}","row":${row.text}}`).join(',')
    return c.body(`{"rows":[${list}],"cursor":${cursor},"more":${more}}`, 200, {
      'Content-Type': 'application/json',
    })
  })

  app.get('/source/:table', (c) => {
    const table = tableOf(c)
    const after = parseKey(c.req.query('after'))
    const rows = readRows(database, table, c.get('user'), after, limitOf(c), 'and not is_deleted')
    return streamJson('{"rows":[', sourceRows(rows), ']}')
  })

  app.post('/source/:table', async (c) => {
    const table = tableOf(c)
    const { keys } = parse(SourceKeys, await readJson(c))
    // A key that is no id is the key of no row.
    const ids = keys.filter((key) => v.is(Id, key))
    const rows = readRows(database, table, c.get('user'), '', ids.length, AMONG, [
      JSON.stringify(ids),
    ])
    return streamJson('{"rows":[', sourceRows(rows), ']}')
  })

  app.post('/source/:table/digest', async (c) => {
    const user = c.get('user')
    const answer = await answerDigest(database, {
      table: tableOf(c),
      user,
      body: await readJson(c),
    })
    return c.body(answer, 200, { 'Content-Type': 'application/json' })
  })

  return app
}

const SourceKeys = v.object({
  keys: v.pipe(v.array(v.unknown()), v.maxLength(MAX_ROWS)),
})

const AMONG = 'and not is_deleted and id in (select jsonb_array_elements_text($4::jsonb))'

interface CloudText {
  id: string
  text: string
}

function readRows(
  database: Database,
  table: Table,
  user: string,
  after: string,
  limit: number,
  where: string,
  values: readonly Value[] = [],
): AsyncGenerator<CloudText[], void> {
  const sql = `select id, (to_jsonb(held) - 'graysync_change')::text as text
     from ${table} as held
     where user_id = $1 and id > $2 ${where}
     order by id limit $3`
  return readChunks<CloudText>(limit, (last, count) =>
    database.query(sql, [user, last?.id ?? after, count, ...values]),
  )
}

async function* texts(chunks: AsyncGenerator<CloudText[], void>): AsyncGenerator<string[], void> {
  for await (const rows of chunks) yield rows.map((row) => row.text)
}

async function* sourceRows(
  chunks: AsyncGenerator<CloudText[], void>,
): AsyncGenerator<string[], void> {
  for await (const rows of chunks) {
    yield rows.map(({ id, text }) => JSON.stringify({ key: id, row: toLocalRow(JSON.parse(text)) }))
  }
}

async function* each<T>(chunks: AsyncGenerator<T[], void>): AsyncGenerator<T, void> {
  for await (const rows of chunks) yield* rows
}

interface Change {
  change: string
  entity: Table
  text: string
}

const CHANGES = `${TABLE_NAMES.map(
  (table) => `(
    select graysync_change as change_number, graysync_change::text as change, '${table}' as entity,
      (to_jsonb(held) - 'graysync_change')::text as text
    from ${table} as held
    where user_id = $1 and graysync_change > $2::bigint
    order by graysync_change limit $3
  )`,
).join(' union all ')} order by change_number limit $3`

// Names this database: a cursor of another one (the folder was deleted, a backup came back) starts anew.
async function readEpoch(database: Database): Promise<string> {
  const rows = await database.query<{ epoch: string }>('select epoch::text from graysync_epoch')
  return rows[0]?.epoch ?? ''
}

function cursorOf(after: string, epoch: string): string {
  if (after === '' || after === '0') return '0'
  const [, of, change] = /^([0-9a-f-]{36})\.(\d{1,18})$/.exec(after) ?? []
  if (of === undefined || change === undefined) {
    throw refuse(400, { code: 'INVALID', message: 'after is not a cursor', field: 'after' })
  }
  return of === epoch ? change : '0'
}

/** Takes the writes of a legacy request: through ledger and fence when it carries an operation's headers. */
async function takeWrites(
  c: Context<UserEnv>,
  database: Database,
  writes: readonly Write[],
): Promise<Response> {
  const user = c.get('user')
  const sender = parseSender((name) => c.req.header(name))
  if (sender === null) {
    await write(database, user, writes)
    return c.json({ written: writes.length })
  }
  const [only, ...others] = writes
  if (only === undefined || others.length > 0) {
    throw refuse(400, { code: 'INVALID', message: 'An operation is of one row' })
  }
  const results = await apply(database, user, sender, [{ ...only, opId: sender.opId }])
  const outcome = worstOutcome(results)
  c.header('graysync-term', String(sender.term))
  c.header('graysync-outcome', outcome)
  return c.json({ outcome }, STATUS[outcome])
}

const BOOKKEEPING = ['id', 'user_id', 'created_at', 'updated_at', 'sync_version']

function isTombstone(row: Record<string, unknown>): boolean {
  const said = Object.keys(row).filter((column) => !BOOKKEEPING.includes(column))
  return row.is_deleted === true && said.length === 1
}

function tableOf(c: Context): Table {
  const name = c.req.param('table')
  const table = TABLE_NAMES.find((known) => known === name)
  if (table === undefined)
    throw refuse(404, { code: 'PGRST205', message: 'There is no such table' })
  return table
}

function limitOf(c: Context): number {
  return parse(Limit1000, c.req.query('limit'), 'limit')
}

function parseKey(after: string | undefined): string {
  if (after === undefined) return ''
  try {
    return parse(v.string(), JSON.parse(after), 'after')
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw refuse(400, { code: 'INVALID', message: 'after is not a JSON key', field: 'after' })
  }
}
