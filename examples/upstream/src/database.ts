import { mkdir, readdir, readFile } from 'node:fs/promises'
import { PGlite, type Transaction } from '@electric-sql/pglite'
import pg from 'pg'

/** A row as PostgreSQL gave it; queries select JSON and text, which both drivers read alike. */
export type Row = Record<string, unknown>

export interface Queries {
  /** One statement. Values are text, numbers, booleans or null; JSON travels as text. */
  query<T extends object = Row>(sql: string, values?: readonly Value[]): Promise<T[]>
}

export type Value = string | number | boolean | null

/** PostgreSQL, embedded or a server: the same SQL runs on both. */
export interface Database extends Queries {
  /** Commits when `run` resolves, rolls back when it rejects. */
  transaction<T>(run: (queries: Queries) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** What migrations need beside queries. */
interface Session extends Queries {
  /** Many statements, without values. */
  script(sql: string): Promise<void>
}

interface Connection extends Database {
  transaction<T>(run: (session: Session) => Promise<T>): Promise<T>
}

const MIGRATIONS = new URL('../sql/', import.meta.url)

/** Opens a server by its URL, a folder with an embedded PostgreSQL, or, given neither, one in memory. Migrates it. */
export async function openDatabase(o: { url?: string; folder?: string } = {}): Promise<Database> {
  const connection = o.url === undefined ? await openEmbedded(o.folder) : openServer(o.url)
  try {
    await connection.transaction(migrate)
  } catch (error) {
    await connection.close()
    throw error
  }
  return connection
}

async function openEmbedded(folder: string | undefined): Promise<Connection> {
  if (folder !== undefined) await mkdir(folder, { recursive: true })
  const lite = await PGlite.create(folder ?? 'memory://')
  await lite.exec("set time zone 'UTC'")
  const over = (queries: PGlite | Transaction): Session => ({
    async query<T extends object>(sql: string, values: readonly Value[] = []) {
      return (await queries.query<T>(sql, [...values])).rows
    },
    async script(sql) {
      await queries.exec(sql)
    },
  })
  return {
    ...over(lite),
    transaction: (run) => lite.transaction((transaction) => run(over(transaction))),
    close: () => lite.close(),
  }
}

function openServer(url: string): Connection {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 10_000,
    options: '-c timezone=UTC -c statement_timeout=15000',
  })
  // An idle connection that breaks is replaced at the next query; unheard, the event would end the process.
  pool.on('error', () => {})
  const over = (queries: pg.Pool | pg.PoolClient): Session => ({
    async query<T extends object>(sql: string, values: readonly Value[] = []) {
      return (await queries.query<T & pg.QueryResultRow>(sql, [...values])).rows
    },
    async script(sql) {
      await queries.query(sql)
    },
  })
  return {
    ...over(pool),
    async transaction(run) {
      const client = await pool.connect()
      let broken: Error | undefined
      try {
        await client.query('begin')
        const result = await run(over(client))
        await client.query('commit')
        return result
      } catch (error) {
        await client.query('rollback').catch((cause: Error) => {
          broken = cause
        })
        throw error
      } finally {
        client.release(broken)
      }
    },
    close: () => pool.end(),
  }
}

async function migrate(session: Session): Promise<void> {
  // Two processes may start on one server.
  await session.query("select pg_advisory_xact_lock(hashtext('graysync_migrations'))")
  await session.query(
    `create table if not exists graysync_migrations (
       name text primary key, applied_at timestamptz not null default now()
     )`,
  )
  const ran = await session.query<{ name: string }>('select name from graysync_migrations')
  const files = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).sort()
  for (const name of files) {
    if (ran.some((row) => row.name === name)) continue
    await session.script(await readFile(new URL(name, MIGRATIONS), 'utf8'))
    await session.query('insert into graysync_migrations values ($1)', [name])
  }
}
