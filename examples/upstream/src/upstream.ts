import { serveStatic } from '@hono/node-server/serve-static'
import { Hono, type MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { routePath } from 'hono/route'
import { createDashboard } from './dashboard.js'
import type { Database } from './database.js'
import { createFeed } from './feed.js'
import { createFiles } from './files.js'
import { createIntake } from './intake.js'
import { addressOf, DEFAULT_LIMITS, type Limits, limitRate } from './limits.js'
import { isDataError, Refusal } from './problem.js'
import { createRollouts, type Published } from './rollouts.js'
import { createSync } from './sync.js'

export interface UpstreamOptions {
  database: Database
  /** Public keys: whoever signs with one of theirs may publish a rollout. */
  keys: readonly JsonWebKey[]
  /** Folder of the built app, served at `/`. @default none */
  appFolder?: string
  /** The one other origin whose pages may call. @default none */
  allowOrigin?: string
  /** Asked for, with any name, by the dashboard. @default none: open */
  dashboardPassword?: string
  limits?: Limits
  /** Takes one line a request, without queries, users or rows. @default silent */
  log?(line: string): void
}

/** The whole server as one handler: sync, rollouts, intake, dashboard and the app's files. */
export function createUpstream(o: UpstreamOptions): Hono {
  const { database, keys, limits = DEFAULT_LIMITS, log = () => {} } = o
  const published = createFeed<Published>()
  const recorded = createFeed<'records'>()
  const app = new Hono()

  app.use(logRequests(log), harden)
  if (o.allowOrigin !== undefined) app.use(allow(o.allowOrigin))
  app.use(limitRate(limits.address, addressOf))

  app.route('/api', createSync({ database, limit: limits.user }))
  app.route('/rollouts', createRollouts({ database, keys, feed: published }))
  app.route('/v1', createIntake({ database, onRecords: () => recorded.publish('records') }))
  app.route('/v1', createFiles({ database, onChange: () => recorded.publish('records') }))
  app.route(
    '/dashboard',
    createDashboard({ database, published, recorded, password: o.dashboardPassword }),
  )
  if (o.appFolder !== undefined) app.get('*', cacheFiles, serveStatic({ root: o.appFolder }))

  app.notFound((c) => c.json({ code: 'NOT_FOUND', message: 'There is nothing here' }, 404))
  app.onError((error, c) => {
    if (error instanceof Refusal) return c.json(error.problem, error.status)
    if (error instanceof HTTPException) return error.getResponse()
    if (isDataError(error)) {
      return c.json({ code: 'INVALID', message: 'The database refused a value' }, 400)
    }
    log(`error ${describe(error)}`)
    return c.json({ code: 'INTERNAL', message: 'Something went wrong here' }, 500)
  })
  return app
}

function logRequests(log: (line: string) => void): MiddlewareHandler {
  return async (c, next) => {
    const start = performance.now()
    await next()
    const ms = Math.round(performance.now() - start)
    log(`${c.req.method} ${routePath(c, -1)} ${c.res.status} ${ms} ms`)
  }
}

const HEADERS = {
  'Content-Security-Policy': [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

const harden: MiddlewareHandler = async (c, next) => {
  await next()
  for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value)
}

function allow(origin: string): MiddlewareHandler {
  return cors({
    origin,
    allowHeaders: [
      'Authorization',
      'Content-Encoding',
      'Content-Type',
      'Idempotency-Key',
      'If-None-Match',
      'graysync-device',
      'graysync-operation',
      'graysync-term',
    ],
    exposeHeaders: ['Date', 'ETag', 'Retry-After', 'graysync-outcome', 'graysync-term'],
    maxAge: 600,
  })
}

/** Files under `assets/` carry a hash in their name and never change; all else is asked for anew. */
const cacheFiles: MiddlewareHandler = async (c, next) => {
  await next()
  const isHashed = c.res.ok && c.req.path.startsWith('/assets/')
  c.res.headers.set('Cache-Control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
}

// The message of a database error may quote a row; its code and the place do not.
function describe(error: Error): string {
  const code = 'code' in error ? ` ${String(error.code)}` : ''
  const places = error.stack?.split('\n').filter((line) => line.startsWith('    at ')) ?? []
  return `${error.name}${code}\n${places.slice(0, 8).join('\n')}`
}
