import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { audit } from '../../../src/flows/audit.js'
import type { AuditReport } from '../../../src/model/source.js'
import { httpSource } from '../../../src/sources.js'
import {
  auditPlatform,
  memorySource,
  type Tables,
  tablesOf,
} from '../../../test/consistency/memory.js'
import { isPresent } from '../../../test/support/presence.js'
import { toLocalRow } from '../src/row.js'
import { compareDigests, fillCards, inOrder } from './digest.js'
import { startServer, whyNoServer } from './postgres.js'
import { type Bench, openBench, signIn } from './support.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

interface Vector {
  key: string
  row: object
  place: string
  hash: string
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../test/consistency/digest-vectors.json', import.meta.url), 'utf8'),
) as { salt: string; rows: Vector[] }

const PREFIXES = ['', 'A', '+', 'b', 'bA', '0/', 'AAAAAAAAAAA']
const isHere = isPresent('digests on a PostgreSQL server', whyNoServer())
const databases: [string, boolean][] = [
  ['embedded', true],
  ['on a server', isHere],
]

describe.each(databases.filter(([, isThere]) => isThere))(
  'the digest of PostgreSQL %s',
  (where) => {
    let bench: Bench
    let stop = async () => {}
    beforeAll(async () => {
      if (where === 'embedded') bench = await openBench()
      else {
        const server = await startServer()
        bench = await openBench({ url: server.url })
        stop = server.stop
      }
    })
    afterAll(async () => {
      await bench.database.close()
      await stop()
    })

    test('is that of the device, row by row and sum by sum', async () => {
      const client = signIn(bench.app)
      await fillCards(client, 700)
      const { told, expected } = await compareDigests(client, PREFIXES)
      expect(told[0]).toHaveProperty('sums')
      expect(inOrder(told)).toEqual(inOrder(expected))
      const every = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/']
      const pairs = every.flatMap((one) => ['A', 'Q', 'x'].map((other) => one + other))
      const deep = await compareDigests(client, pairs)
      expect(inOrder(deep.told)).toEqual(inOrder(deep.expected))
      expect(
        deep.told.flatMap((answer) => ('rows' in answer ? answer.rows : [])).length,
      ).toBeGreaterThan(20)
    })

    test('is that of the published vectors', async () => {
      const { salt, rows } = vectors
      const told = await bench.database.query<{ id: string; hash: string; place: string }>(
        `select id, hash, graysync_place($1, id) as place from graysync_hashes($1,
         array(select value ->> 'key' from jsonb_array_elements($2::jsonb)),
         array(select value -> 'row' from jsonb_array_elements($2::jsonb)), '^$')`,
        [salt, JSON.stringify(rows)],
      )
      const byKey = new Map(told.map(({ id, ...rest }) => [id, rest]))
      for (const { key, place, hash } of rows)
        expect([key, byKey.get(key)]).toEqual([key, { hash, place }])
    })

    test('leads an audit to the rows that differ, and to no others', async () => {
      const client = signIn(bench.app)
      await fillCards(client, 600)
      const held = await client.call('GET', '/api/rest/cards')
      const living = held.body.filter((row: { is_deleted: boolean }) => !row.is_deleted)
      const tables: Tables = tablesOf({ cards: living.map(toLocalRow) })
      tables.cards?.set('card-7', { ...tables.cards.get('card-7'), folderId: 'other' })
      tables.cards?.delete('card-8')
      tables.cards?.set('card-x', { id: 'card-x' })
      let rows = 0
      const server = httpSource({
        url: '/api/source',
        tables: ['cards'],
        digest: true,
        headers: { authorization: `Bearer ${client.user}` },
        async fetch(input, init) {
          const answer = await bench.app.request(String(input), init ?? {})
          if (!String(input).endsWith('/digest')) rows += (await answer.clone().json()).rows.length
          return answer
        },
      })
      const report = await audit({
        platform: auditPlatform(),
        left: memorySource('device', tables),
        right: server,
        rules: { tables: { cards: { ignore: ['createdAt', 'updatedAt'] } } },
        inFlight: () => false,
        settleMs: 0,
      })
      const found = ({ divergences }: AuditReport) =>
        divergences.map(({ key, kind, paths }) => [key, kind, ...paths].join(' ')).sort()
      expect(found(report)).toEqual(['card-7 changed folderId', 'card-8 extra', 'card-x missing'])
      expect(report.tables[0]).toMatchObject({ compared: 589, equal: 586, inconclusive: 0 })
      expect(rows).toBeLessThanOrEqual(4)
    })
  },
)
