import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { timingSafeEqual } from 'hono/utils/buffer'
import type { Database } from './database.js'
import { createFeed, type Feed, streamFeed } from './feed.js'
import { readFigures } from './figures.js'
import { serveFile } from './files.js'
import type { Published } from './rollouts.js'

const PUBLIC = new URL('../public', import.meta.url).pathname
const TOLD_EVERY_MS = 500

/** The dashboard's page, its figures, and a stream that says when they changed. */
export function createDashboard(o: {
  database: Database
  published: Feed<Published>
  recorded: Feed<'records'>
  password?: string | undefined
}): Hono {
  const app = new Hono()
  const changed = createFeed<'changed'>()
  const tell = limitPace(() => changed.publish('changed'), TOLD_EVERY_MS)
  o.published.subscribe(tell)
  o.recorded.subscribe(tell)

  if (o.password !== undefined) {
    const { password } = o
    app.use(
      basicAuth({
        verifyUser: (_name, given) => timingSafeEqual(given, password),
        realm: 'dashboard',
      }),
    )
  }
  app.get('/data', async (c) => {
    c.header('Cache-Control', 'no-store')
    return c.json(await readFigures(o.database))
  })
  app.route('/files', serveFile(o.database))
  app.get('/stream', (c) => {
    const message = { event: 'changed', data: '' }
    return streamFeed(c, changed, { now: async () => message, toMessage: () => message })
  })
  app.get('/:file{dashboard\\.(css|js)|words\\.js}', async (c, next) => {
    c.header('Cache-Control', 'no-cache')
    return serveStatic({ root: PUBLIC, path: c.req.param('file') })(c, next)
  })
  app.get('/', async (c, next) => {
    c.header('Cache-Control', 'no-cache')
    return serveStatic({ root: PUBLIC, path: 'dashboard.html' })(c, next)
  })
  return app
}

/** Runs at once, then at most every `ms`, and never leaves the last call out. */
function limitPace(run: () => void, ms: number): () => void {
  let timer: NodeJS.Timeout | null = null
  let isDue = false
  const fire = (): void => {
    isDue = false
    run()
    timer = setTimeout(() => {
      timer = null
      if (isDue) fire()
    }, ms)
    timer.unref()
  }
  return () => {
    if (timer === null) fire()
    else isDue = true
  }
}
