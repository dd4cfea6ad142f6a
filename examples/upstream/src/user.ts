import type { MiddlewareHandler } from 'hono'
import * as v from 'valibot'
import type { Database, Queries } from './database.js'
import { refuse } from './problem.js'
import { User } from './tables.js'

export interface UserEnv {
  Variables: { user: string }
}

const MAX_KNOWN = 10_000

/** The demo's sign-in: the bearer token is the user's id, and a user first seen is made. */
export function authenticate(database: Database): MiddlewareHandler<UserEnv> {
  const known = new Set<string>()
  return async (c, next) => {
    const token = /^Bearer (\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1]
    if (!v.is(User, token)) {
      c.header('WWW-Authenticate', 'Bearer')
      throw refuse(401, { code: 'UNAUTHORIZED', message: 'Send Authorization: Bearer <user id>' })
    }
    const user = token.toLowerCase()
    if (!known.has(user)) {
      await database.query('insert into users (id) values ($1) on conflict do nothing', [user])
      if (known.size >= MAX_KNOWN) known.clear()
      known.add(user)
    }
    c.set('user', user)
    await next()
  }
}

/** A transaction in the name of a user, as PostgREST opens one: the functions of the database read who it is. */
export function transactAs<T>(
  database: Database,
  user: string,
  run: (queries: Queries) => Promise<T>,
): Promise<T> {
  return database.transaction(async (queries) => {
    const claims = JSON.stringify({ sub: user })
    await queries.query("select set_config('request.jwt.claims', $1, true)", [claims])
    return run(queries)
  })
}
