import { randomUUID } from 'node:crypto'
import { openDatabase } from '../../../upstream/src/database.js'
import { createUpstream } from '../../../upstream/src/upstream.js'
import type { CardOp, Row, Table } from '../../src/data/model.js'

const PLENTY = { burst: 1_000_000, perSecond: 1_000_000 }

export const BASE = 'http://upstream.test'

export interface Backend {
  fetch: typeof fetch
  /** What the server holds of a table for a user, deleted rows included. */
  rows(user: string, table: Table): Promise<Record<string, unknown>[]>
  /** Writes as another device of the user would. */
  writeElsewhere(user: string, op: CardOp & { cloud?: object }): Promise<void>
  /** Every request that came in, as `METHOD path`. */
  requests: string[]
  close(): Promise<void>
}

/** The real upstream over an embedded PostgreSQL in memory, called without a socket. */
export async function createBackend(): Promise<Backend> {
  const database = await openDatabase()
  const app = createUpstream({ database, keys: [], limits: { address: PLENTY, user: PLENTY } })
  const requests: string[] = []
  const call: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    requests.push(`${request.method} ${new URL(request.url).pathname}`)
    return app.request(request)
  }
  const insist = async (response: Response) => {
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    return response.json()
  }
  return {
    fetch: call,
    requests,
    async rows(user, table) {
      const headers = { authorization: `Bearer ${user}` }
      return insist(await app.request(`${BASE}/api/rest/${table}`, { headers }))
    },
    async writeElsewhere(user, { entity, entityId, kind, cloud }) {
      const operation = { opId: randomUUID(), entity, entityId, kind, row: cloud }
      const body = { device: 'another', term: 1, operations: [operation] }
      await insist(
        await app.request(`${BASE}/api/apply`, {
          method: 'POST',
          headers: { authorization: `Bearer ${user}`, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      )
    },
    close: () => database.close(),
  }
}

/** A connection on which reads are answered and writes never are. */
export function createHangingWire(backend: Backend): {
  fetch: typeof fetch
  /** Resolves when the first write is on the wire. */
  reached: Promise<void>
} {
  let arrive = () => {}
  const reached = new Promise<void>((resolve) => {
    arrive = resolve
  })
  return {
    reached,
    fetch(input, init) {
      const request = new Request(input, init)
      if (request.method === 'GET') return backend.fetch(request)
      arrive()
      return new Promise((_, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason))
      })
    },
  }
}

/** A `Storage` in memory. */
export function createStorage(): Storage {
  const held = new Map<string, string>()
  return {
    get length() {
      return held.size
    },
    clear: () => held.clear(),
    getItem: (key) => held.get(key) ?? null,
    key: (index) => [...held.keys()][index] ?? null,
    removeItem: (key) => void held.delete(key),
    setItem: (key, value) => void held.set(key, value),
  }
}

/** A `Storage` that takes, once it is full, nothing longer than what it holds by a name. */
export function createBoundedStorage(): Storage & { full: boolean } {
  const { setItem, ...storage } = createStorage()
  const bounded = Object.assign(storage, {
    full: false,
    setItem(key: string, value: string) {
      if (bounded.full && value.length > (storage.getItem(key) ?? '').length) {
        throw new DOMException('the quota has been exceeded', 'QuotaExceededError')
      }
      setItem(key, value)
    },
  })
  return bounded
}

/** A network that is away. */
export const offline: typeof fetch = async () => {
  throw new TypeError('the network is away')
}

export function makeCard(id: string, title: string, more: Partial<Row> = {}): Row {
  const at = '2026-03-01T08:00:00.000Z'
  return {
    id,
    userId: null,
    frontContent: { title, text: '', images: [], tags: [] },
    backContent: { title: '', text: '', images: [], tags: [] },
    style: { type: 'solid' },
    folderId: null,
    createdAt: at,
    updatedAt: at,
    syncVersion: 1,
    pendingSync: true,
    ...more,
  }
}

export function putCard(
  id: string,
  title: string,
  more: Partial<Row> = {},
): CardOp & { opId: string } {
  return {
    opId: randomUUID(),
    entity: 'cards',
    entityId: id,
    kind: 'put',
    row: makeCard(id, title, more),
  }
}

export function deleteCard(id: string): CardOp & { opId: string } {
  return { opId: randomUUID(), entity: 'cards', entityId: id, kind: 'delete' }
}
