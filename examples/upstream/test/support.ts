import { randomUUID } from 'node:crypto'
import type { Rollout } from 'graysync/rollout'
import type { Hono } from 'hono'
import { type Database, openDatabase } from '../src/database.js'
import { createUpstream, type UpstreamOptions } from '../src/upstream.js'

export interface Bench {
  app: Hono
  database: Database
  log: string[]
  /** Signs whatever it is given, also what is no rollout. */
  sign(payload: Rollout | object): Promise<string>
}

/** An upstream in this process, on a database of its own. */
export async function openBench(
  options: Partial<UpstreamOptions> & { url?: string } = {},
): Promise<Bench> {
  const { url, ...rest } = options
  const database = await openDatabase(url === undefined ? {} : { url })
  const { publicKey, sign } = await makeKey()
  const log: string[] = []
  const app = createUpstream({
    database,
    keys: [publicKey],
    limits: NO_LIMITS,
    log: (line) => log.push(line),
    ...rest,
  })
  return { app, database, log, sign }
}

const NO_LIMITS = {
  address: { burst: 1e9, perSecond: 1e9 },
  user: { burst: 1e9, perSecond: 1e9 },
}

async function makeKey(): Promise<{ publicKey: JsonWebKey; sign: Bench['sign'] }> {
  const curve = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const pair = await crypto.subtle.generateKey(curve, true, ['sign', 'verify'])
  const encode = (json: object): string => Buffer.from(JSON.stringify(json)).toString('base64url')
  return {
    publicKey: {
      ...(await crypto.subtle.exportKey('jwk', pair.publicKey)),
      ...{ kid: 'test', alg: 'ES256' },
    },
    async sign(payload) {
      const signed = `${encode({ alg: 'ES256', kid: 'test' })}.${encode(payload)}`
      const signature = await crypto.subtle.sign(curve, pair.privateKey, Buffer.from(signed))
      return `${signed}.${Buffer.from(signature).toString('base64url')}`
    },
  }
}

export interface Answer<T> {
  status: number
  headers: Headers
  body: T
}

/** A user of their own, and the calls they make. */
export interface Client {
  user: string
  /** An answer is whatever came: the test says what it was. */
  call<T = ReturnType<typeof JSON.parse>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>
}

export function signIn(app: Hono, user: string = randomUUID()): Client {
  return {
    user,
    async call<T>(
      method: string,
      path: string,
      body?: unknown,
      headers: Record<string, string> = {},
    ): Promise<Answer<T>> {
      const response = await app.request(path, {
        method,
        headers: { Authorization: `Bearer ${user}`, ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return {
        status: response.status,
        headers: response.headers,
        body: (text === '' ? null : JSON.parse(text)) as T,
      }
    },
  }
}

export function card(id: string, title: string, more: Record<string, unknown> = {}) {
  return { id, front_content: { title, text: '', images: [], tags: [] }, style: {}, ...more }
}

export function put(opId: string, entityId: string, title: string): Record<string, unknown> {
  return { opId, entity: 'cards', entityId, kind: 'put', row: card(entityId, title) }
}

/** The reader of one server-sent stream. */
export interface Events {
  next(): Promise<{ event: string; data: string }>
  close(): Promise<void>
}

export async function listen(app: Hono, path: string): Promise<Events> {
  const response = await app.request(path)
  if (response.body === null) throw new Error('no stream')
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    async next() {
      for (;;) {
        const end = text.indexOf('\n\n')
        if (end >= 0) {
          const block = text.slice(0, end)
          text = text.slice(end + 2)
          const event = /^event: (.*)$/m.exec(block)?.[1]
          if (event !== undefined) return { event, data: /^data: ?(.*)$/m.exec(block)?.[1] ?? '' }
        } else {
          const { value, done } = await reader.read()
          if (done) throw new Error('the stream ended')
          text += value
        }
      }
    },
    close: () => reader.cancel(),
  }
}
