import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { openDatabase } from '../../examples/upstream/src/database.js'
import { createUpstream } from '../../examples/upstream/src/upstream.js'
import { startServer, whyNoServer } from '../../examples/upstream/test/postgres.js'

/** Rows put by one statement. */
const BATCH = 10_000
/** Bytes and trips are counted, and no time: nothing is given up. */
const PATIENT = new URLSearchParams({ options: '-c timezone=UTC -c statement_timeout=0' })

/** The demo's upstream, where a user has so many cards. */
export interface Upstream {
  user: string
  /** Where its rows lie. */
  place: string
  listener: (request: IncomingMessage, response: ServerResponse) => void
  close(): Promise<void>
}

/** On a PostgreSQL server where there is one. Keys have 36 characters. */
export async function openUpstream(rows: number): Promise<Upstream> {
  const postgres = whyNoServer() === null ? await startServer() : null
  const database = await openDatabase(postgres ? { url: `${postgres.url}?${PATIENT}` } : {})
  const user = randomUUID()
  await database.query('insert into users (id) values ($1)', [user])
  for (let from = 0; from < rows; from += BATCH) {
    await database.query(
      `insert into cards (user_id, id, front_content, back_content, style, folder_id)
     select $1, md5(at::text)::uuid::text,
       jsonb_build_object('title', 'Card ' || at, 'tags', jsonb_build_array('biology', 'chapter ' || at % 40),
         'text', 'What is the ' || at || 'th thing to remember about the cell and its membrane?', 'images', '[]'::jsonb),
       jsonb_build_object('title', 'Card ' || at, 'tags', '[]'::jsonb,
         'text', 'It is that number ' || at || ' comes after the one before it, and that all have walls.', 'images', '[]'::jsonb),
       jsonb_build_object('type', 'gradient', 'angle', at % 360),
       case when at % 3 > 0 then 'folder-' || at % 50 end
     from generate_series($2::int, $3::int) as at`,
      [user, from + 1, Math.min(from + BATCH, rows)],
    )
  }
  await database.query('analyze cards')
  const limit = { burst: 1e9, perSecond: 1e9 }
  const app = createUpstream({ database, keys: [], limits: { address: limit, user: limit } })
  const answer = getRequestListener(app.fetch)
  return {
    user,
    place: postgres ? 'PostgreSQL' : 'embedded PostgreSQL',
    listener: (request, response) => void answer(request, response),
    async close() {
      await database.close()
      await postgres?.stop()
    },
  }
}

/** What came and went over the wire for digests, headers included. */
export interface Traffic {
  bytes: number
  trips: number
}

/** Counts what is said to a server by one page, request after request. Rows that differ have to travel in any case. */
export function countDigests(server: Server): { take(): Traffic } {
  const sockets: Socket[] = []
  const sum = () => sockets.reduce((all, one) => all + one.bytesRead + one.bytesWritten, 0)
  let before = 0
  let traffic: Traffic = { bytes: 0, trips: 0 }
  server.on('connection', (socket) => sockets.push(socket))
  // What a connection of before carries would be missed.
  server.closeAllConnections()
  server.on('request', ({ url = '' }, response) => {
    response.once('close', () => {
      const after = sum()
      if (url.endsWith('/digest')) {
        traffic.trips++
        traffic.bytes += after - before
      }
      before = after
    })
  })
  return {
    take() {
      const taken = traffic
      if (taken.trips > 0 && taken.bytes === 0) throw new Error('no bytes were counted')
      traffic = { bytes: 0, trips: 0 }
      before = sum()
      return taken
    },
  }
}
