import { randomUUID } from 'node:crypto'
import type { EngineName, GraySync } from 'graysync'
import { type Rollout, signRollout } from 'graysync/rollout'
import { cardEverythingRules } from 'graysync/sources'
import { createTestClient, createWorld, type World } from 'graysync/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generateCards } from '../src/data/generate.js'
import { type CardOp, toPlain } from '../src/data/model.js'
import { legacyEngine } from '../src/engines/legacy/adapter.js'
import { createLegacyDatabase } from '../src/engines/legacy/database.js'
import { refactoredEngine } from '../src/engines/refactored/adapter.js'
import { createRefactoredDatabase } from '../src/engines/refactored/database.js'
import {
  BASE,
  type Backend,
  createBackend,
  createStorage,
  deleteCard,
  putCard,
} from './support/backend.js'

/** An embedded PostgreSQL takes its time to start on a busy machine. */
const PATIENCE_MS = 60_000

let backend: Backend
beforeAll(async () => {
  backend = await createBackend()
}, PATIENCE_MS)
afterAll(() => backend.close())

async function makeKeys(): Promise<{ secret: JsonWebKey; open: JsonWebKey }> {
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey } = await crypto.subtle.generateKey(curve, true, ['sign', 'verify'])
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', privateKey)
  const open = { kid: 'test', kty, crv, x, y } as JsonWebKey
  return { open, secret: { ...open, d } as JsonWebKey }
}

/** The rollout that gives everybody one engine. */
function draft(engine: EngineName, version: number): Rollout {
  return {
    schema: 1,
    rollout: 'sync-engine',
    version,
    issuedAt: 1_700_000_000_000,
    hash: { version: 1, salt: 'test' },
    kill: engine === 'legacy',
    stage: 'full',
    stages: [{ name: 'full', share: 100_000 }],
  }
}

/** One profile of one user; `boot` is a page load after a rollout that gives everybody `engine`. */
async function createProfile() {
  const keys = await makeKeys()
  let version = 0
  const user = randomUUID()
  const world: World = createWorld()
  world.answer((request) => backend.fetch(request))
  const legacy = createLegacyDatabase(`legacy ${user}`)
  const refactored = createRefactoredDatabase(`refactored ${user}`)
  const own = { user: () => user, base: BASE }
  const engines = {
    legacy: legacyEngine({ ...own, database: legacy, storage: createStorage() }),
    refactored: refactoredEngine({ ...own, database: refactored }),
  }
  let gray: GraySync<CardOp> | null = null
  return {
    user,
    world,
    legacy,
    refactored,
    async boot(engine: EngineName) {
      await gray?.close()
      const bootstrap = await signRollout(draft(engine, ++version), keys.secret, crypto.subtle)
      gray = createTestClient<CardOp>(
        {
          app: { name: 'CardEverything', version: '5.7.0' },
          engines,
          subject: { id: user },
          compare: cardEverythingRules,
          rollout: { keys: [keys.open], bootstrap },
        },
        world.tab(),
      )
      await gray.start()
      expect(gray.getSnapshot()).toMatchObject({ phase: 'running', running: engine })
      return gray
    },
    close: () => gray?.close(),
  }
}

const titleOf = (row: object) => (row as { front_content: { title: string } }).front_content.title

describe('a profile that changes engines', () => {
  it('keeps every card and sends each operation once, there and back', {
    timeout: 30_000,
  }, async () => {
    const profile = await createProfile()
    const first = await profile.boot('legacy')
    const rows = generateCards({ seed: 21, cards: 40, folders: 4, tags: 3, images: 3 })
    const known = rows.cards.map((row) => ({
      entity: 'cards' as const,
      entityId: row.id,
      kind: 'put' as const,
      row: toPlain(row),
    }))
    const ends = []
    for (const op of known) ends.push((await first.enqueue(op)).settled)
    expect(new Set((await Promise.all(ends)).map((end) => end.status))).toEqual(new Set(['acked']))

    profile.world.online = false
    const left = known[0]?.entityId ?? ''
    for (const op of [putCard('new', 'offline'), deleteCard(left), putCard('new', 'again')]) {
      await first.enqueue(op)
    }
    const second = await profile.boot('refactored')
    expect(await profile.refactored.cards.count()).toBe(40)
    expect((await profile.refactored.cards.get('new'))?.frontContent).toMatchObject({
      title: 'again',
    })
    profile.world.online = true
    await (await second.enqueue(putCard('newer', 'on the new engine'))).settled
    const cloud = await backend.rows(profile.user, 'cards')
    expect(cloud.find((row) => row.id === 'new')).toMatchObject({ sync_version: 2 })
    expect(cloud.find((row) => row.id === left)).toMatchObject({ is_deleted: true })

    const third = await profile.boot('legacy')
    expect(await profile.legacy.cards.count()).toBe(41)
    await (await third.enqueue(putCard('newest', 'on the old engine'))).settled
    const live = (await backend.rows(profile.user, 'cards')).filter((row) => !row.is_deleted)
    expect(live).toHaveLength(42)
    expect(live.map(titleOf)).toContain('on the old engine')
    // A row comes with the version that it has, and every effect after the first would raise it.
    const versions = new Map(rows.cards.map((row) => [row.id, row.syncVersion]))
    const raised = live.filter((row) => row.sync_version !== (versions.get(String(row.id)) ?? 1))
    expect(raised.map((row) => [row.id, row.sync_version])).toEqual([['new', 2]])
    await profile.close()
  })
})
