import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Rollout } from '../../src/model/rollout.js'
import { signRollout } from '../../src/rollout/sign.js'

export interface KeyPair {
  privateKey: JsonWebKey
  publicKey: JsonWebKey
}

export async function makeKeys(kid: string): Promise<KeyPair> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])
  const [privateKey, publicKey] = await Promise.all(
    [pair.privateKey, pair.publicKey].map(async (key) => ({
      ...(await crypto.subtle.exportKey('jwk', key)),
      kid,
    })),
  )
  if (!privateKey || !publicKey) throw new Error('no keys')
  return { privateKey, publicKey }
}

export function makeRollout(version: number, changes: Partial<Rollout> = {}): Rollout {
  return {
    schema: 1,
    rollout: 'sync-engine',
    version,
    issuedAt: 1_700_000_000_000,
    hash: { version: 1, salt: 'salt' },
    stage: 'tenth',
    stages: [{ name: 'tenth', share: 10_000 }],
    ...changes,
  }
}

export const sign = (rollout: Rollout, keys: KeyPair): Promise<string> =>
  signRollout(rollout, keys.privateKey, crypto.subtle)

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

export interface Upstream {
  url: string
  requests: IncomingMessage[]
  /** Answers every further request so. */
  answer(how: Answer): void
  /** Serves a document with an ETag, and 304 where it is known. */
  publish(envelope: string, headers?: Record<string, string>): void
  close(): Promise<void>
}

/** A real HTTP server on a free port. */
export async function startUpstream(): Promise<Upstream> {
  const requests: IncomingMessage[] = []
  let answer: Answer = (_, response) => response.writeHead(404).end()
  let editions = 0
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/rollouts/sync-engine`,
    requests,
    answer(how) {
      answer = how
    },
    publish(envelope, headers = {}) {
      editions += 1
      const etag = `"${editions}"`
      answer = (request, response) => {
        const known = request.headers['if-none-match'] === etag
        response.writeHead(known ? 304 : 200, { etag, 'cache-control': 'no-cache', ...headers })
        response.end(known ? undefined : envelope)
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
