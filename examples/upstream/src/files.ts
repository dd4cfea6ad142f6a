import { Hono } from 'hono'
import type { Database } from './database.js'
import { limitBody } from './limits.js'
import { refuse } from './problem.js'

const MAX_FILE_BYTES = 5_000_000
const TYPES = /^(image\/(png|jpeg|webp|gif)|text\/plain|application\/(json|pdf))$/
const ENTRY = /^[\w-]{8,64}$/
const INSTALLATION = /^[\w-]{8,200}$/

/** Takes the files of feedback, and forgets an installation on request: only who has its random id can name it. */
export function createFiles(o: { database: Database; onChange(): void }): Hono {
  const { database } = o
  const app = new Hono()

  app.post('/files/:entry', limitBody(MAX_FILE_BYTES), async (c) => {
    const entry = c.req.param('entry')
    if (!ENTRY.test(entry))
      throw refuse(400, { code: 'INVALID', message: 'Not the id of an entry' })
    const type = (c.req.header('Content-Type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
    if (!TYPES.test(type)) {
      throw refuse(415, { code: 'TYPE', message: 'Send a picture, text, JSON or PDF' })
    }
    const bytes = Buffer.from(await c.req.arrayBuffer())
    if (bytes.length === 0) throw refuse(400, { code: 'INVALID', message: 'The file is empty' })
    await database.query(
      `insert into graysync_files (entry, type, bytes) values ($1, $2, decode($3, 'hex'))
       on conflict (entry) do nothing`,
      [entry, type, bytes.toString('hex')],
    )
    o.onChange()
    return c.json({})
  })

  app.delete('/installations/:id', async (c) => {
    const id = c.req.param('id')
    if (!INSTALLATION.test(id)) {
      throw refuse(400, { code: 'INVALID', message: 'Not the id of an installation' })
    }
    await database.query(
      `with gone as (delete from graysync_records where installation = $1 returning uid),
       files as (delete from graysync_files where entry in (select uid from gone))
       delete from graysync_devices where installation = $1`,
      [id],
    )
    o.onChange()
    return c.json({})
  })

  return app
}

/** A file as it is handed to whoever reads the dashboard: saved, and never shown as a page. */
export function serveFile(database: Database): Hono {
  const app = new Hono()
  app.get('/:entry', async (c) => {
    const [file] = await database.query<{ type: string; hex: string }>(
      `select type, encode(bytes, 'hex') as hex from graysync_files where entry = $1`,
      [c.req.param('entry')],
    )
    if (!file) return c.notFound()
    const ending = file.type.split('/')[1] === 'plain' ? 'txt' : file.type.split('/')[1]
    return c.body(new Uint8Array(Buffer.from(file.hex, 'hex')), 200, {
      'Content-Type': file.type,
      'Content-Disposition': `attachment; filename="feedback.${ending}"`,
      'Cache-Control': 'no-store',
    })
  })
  return app
}
