import { createHash } from 'node:crypto'
import { parseRollout, type Rollout, verifyEnvelope } from 'graysync/rollout'
import { type Context, Hono } from 'hono'
import type { Database, Queries } from './database.js'
import { createFeed, type Feed, streamFeed } from './feed.js'
import { limitBody } from './limits.js'
import { refuse } from './problem.js'

const MAX_ENVELOPE_BYTES = 256 * 1024

/** What was published: a newer version of a rollout. */
export interface Published {
  name: string
  version: number
}

interface Stored {
  version: number
  etag: string
  envelope: string
  salt: string
}

/** Serves signed rollouts as static documents, takes newer ones, and streams that there is one. */
export function createRollouts(o: {
  database: Database
  keys: readonly JsonWebKey[]
  feed?: Feed<Published>
}): Hono {
  const { database, keys, feed = createFeed<Published>() } = o
  const app = new Hono()

  app.get('/:name', async (c) => {
    const stored = await readNewest(database, nameOf(c))
    c.header('Date', new Date().toUTCString())
    c.header('Cache-Control', 'no-cache')
    if (stored === null) throw refuse(404, { code: 'NOT_FOUND', message: 'No such rollout' })
    c.header('ETag', stored.etag)
    if (isHeld(c.req.header('If-None-Match'), stored.etag)) return c.body(null, 304)
    return c.body(stored.envelope, 200, { 'Content-Type': 'application/jose' })
  })

  // Whoever has the private key may publish: the document proves itself.
  app.put('/:name', limitBody(MAX_ENVELOPE_BYTES), async (c) => {
    const name = nameOf(c)
    const envelope = (await c.req.text()).trim()
    const rollout = await readEnvelope(envelope, keys)
    if (rollout.rollout !== name) {
      const message = 'The document is of another rollout'
      throw refuse(400, { code: 'ROLLOUT_SCHEMA', message, field: 'rollout' })
    }
    const isNew = await database.transaction((queries) => store(queries, rollout, envelope))
    if (isNew) feed.publish({ name, version: rollout.version })
    return c.json({ version: rollout.version }, isNew ? 201 : 200)
  })

  app.get('/:name/stream', (c) => {
    const name = nameOf(c)
    const message = (version: number) => ({ event: 'rollout', data: JSON.stringify({ version }) })
    return streamFeed(c, feed, {
      async now() {
        const stored = await readNewest(database, name)
        return stored && message(stored.version)
      },
      toMessage: (event) => (event.name === name ? message(event.version) : null),
    })
  })

  return app
}

async function readEnvelope(envelope: string, keys: readonly JsonWebKey[]): Promise<Rollout> {
  try {
    return parseRollout(await verifyEnvelope(envelope, keys, crypto.subtle))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) throw error
    const status = { ROLLOUT_SIZE: 413, ROLLOUT_SIGNATURE: 403, ROLLOUT_SCHEMA: 400 } as const
    const known = Object.entries(status).find(([code]) => code === error.code)
    if (known === undefined) throw error
    throw refuse(known[1], { code: error.code, message: error.message })
  }
}

/** `true` when stored, `false` when this very document was there already. */
async function store(queries: Queries, rollout: Rollout, envelope: string): Promise<boolean> {
  await queries.query(
    "select pg_advisory_xact_lock(hashtextextended('graysync_rollouts:' || $1, 0))",
    [rollout.rollout],
  )
  const newest = await readNewest(queries, rollout.rollout)
  if (newest?.envelope === envelope) return false
  if (newest && newest.version >= rollout.version) {
    const message = `Version ${newest.version} is in force, and ${rollout.version} is not higher`
    throw refuse(409, { code: 'ROLLOUT_REPLAY', message, field: 'version' })
  }
  if (newest && newest.salt !== rollout.hash.salt) {
    const message = 'A rollout keeps its salt: with another one its users would be drawn anew'
    throw refuse(409, { code: 'ROLLOUT_SCHEMA', message, field: 'hash.salt' })
  }
  await queries.query(
    `insert into graysync_rollouts (name, version, envelope, etag, payload)
     values ($1, $2::bigint, $3, $4, $5::jsonb)`,
    [rollout.rollout, rollout.version, envelope, etagOf(envelope), JSON.stringify(rollout)],
  )
  return true
}

async function readNewest(queries: Queries, name: string): Promise<Stored | null> {
  const rows = await queries.query<Stored>(
    `select version::float8 as version, etag, envelope, payload #>> '{hash,salt}' as salt
     from graysync_rollouts where name = $1 order by version desc limit 1`,
    [name],
  )
  return rows[0] ?? null
}

function etagOf(envelope: string): string {
  return `"${createHash('sha256').update(envelope).digest('base64url')}"`
}

function isHeld(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}

function nameOf(c: Context): string {
  const name = c.req.param('name') ?? ''
  if (/^[a-z0-9][a-z0-9-]{0,63}$/.test(name)) return name
  throw refuse(404, { code: 'NOT_FOUND', message: 'A rollout is named by a-z, 0-9 and hyphens' })
}
