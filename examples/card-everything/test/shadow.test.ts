import { randomUUID } from 'node:crypto'
import type { EngineName, GraySync, Snapshot } from 'graysync'
import { type Rollout, signRollout } from 'graysync/rollout'
import { cardEverythingRules } from 'graysync/sources'
import { createTestClient, createWorld, type World } from 'graysync/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seed } from '../src/data/commands.js'
import { generateCards } from '../src/data/generate.js'
import type { CardOp } from '../src/data/model.js'
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

const PATIENCE_MS = 60_000

let backend: Backend
beforeAll(async () => {
  backend = await createBackend()
  // Here the clock runs ahead of what the first import of a module takes.
  await import('../src/engines/legacy/engine.js')
  await import('../src/engines/refactored/engine.js')
}, PATIENCE_MS)
afterAll(() => backend.close())

function draft(engine: EngineName, version: number): Rollout {
  return {
    schema: 1,
    rollout: 'sync-engine',
    version,
    issuedAt: 1_700_000_000_000,
    hash: { version: 1, salt: 'test' },
    stage: 'full',
    stages: [{ name: 'full', share: engine === 'legacy' ? 0 : 100_000 }],
    shadow: { share: 100_000 },
    audit: { intervalMs: 60_000 },
  }
}

type Shadow = Snapshot['shadow']

/** Lets the clock run, in steps so small that databases keep up, until what is seen of the shadow is so. */
async function reach(
  world: World,
  gray: GraySync<CardOp>,
  is: (shadow: NonNullable<Shadow>) => boolean,
): Promise<NonNullable<Shadow>> {
  for (;;) {
    const { shadow } = gray.getSnapshot()
    if (shadow?.state === 'off') throw new Error(`switched off: ${shadow.because}`)
    if (shadow && is(shadow)) return shadow
    world.advance(50)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function createProfile() {
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey } = await crypto.subtle.generateKey(curve, true, ['sign', 'verify'])
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', privateKey)
  const open = { kid: 'test', kty, crv, x, y } as JsonWebKey
  const user = randomUUID()
  const world = createWorld()
  world.answer((request) => backend.fetch(request))
  const legacy = createLegacyDatabase(`legacy ${user}`)
  const refactored = createRefactoredDatabase(`refactored ${user}`)
  const own = { user: () => user, base: BASE }
  const engines = {
    legacy: legacyEngine({ ...own, database: legacy, storage: createStorage() }),
    refactored: refactoredEngine({ ...own, database: refactored }),
  }
  return {
    user,
    world,
    legacy,
    refactored,
    async boot(engine: EngineName, version: number): Promise<GraySync<CardOp>> {
      const secret = { ...open, d } as JsonWebKey
      const bootstrap = await signRollout(draft(engine, version), secret, crypto.subtle)
      const gray = createTestClient<CardOp>(
        {
          app: { name: 'CardEverything', version: '5.7.0' },
          engines,
          subject: { id: user },
          compare: cardEverythingRules,
          rollout: { keys: [open], bootstrap },
        },
        world.tab(),
      )
      await gray.start()
      expect(gray.getSnapshot()).toMatchObject({ phase: 'running', running: engine })
      return gray
    },
  }
}

async function sendAll(gray: GraySync<CardOp>, ops: readonly CardOp[]): Promise<void> {
  const accepted = []
  for (const op of ops) accepted.push(await gray.enqueue(op))
  const ends = await Promise.all(accepted.map(({ settled }) => settled))
  expect(new Set(ends.map(({ status }) => status))).toEqual(new Set(['acked']))
}

const EQUAL = { missing: 0, extra: 0, changed: 0, paths: [] }

describe('each engine in shadow of the other, against the real upstream', () => {
  it('takes what the user writes, sends nothing, and is told of by the field that differs', {
    timeout: PATIENCE_MS,
  }, async () => {
    const { user, world, refactored, legacy, boot } = await createProfile()
    const rows = generateCards({ seed: 7, cards: 12, folders: 3, tags: 3, images: 2 })
    const first = await boot('legacy', 1)
    await sendAll(first, seed(rows, user))
    backend.requests.splice(0)
    await reach(world, first, ({ state }) => state === 'running')
    const dropped = rows.cards[0]?.id ?? ''
    await sendAll(first, [putCard('new', 'in front of a shadow'), deleteCard(dropped)])
    const seen = await reach(
      world,
      first,
      ({ applied, compared }) => applied >= 2 && compared !== null,
    )
    expect(seen).toMatchObject({ engine: 'refactored', refused: 0, errors: 0, compared: EQUAL })
    expect(seen.compared?.rows).toBeGreaterThan(12)
    expect(await refactored.cards.get('new')).toMatchObject({
      frontContent: { title: 'in front of a shadow' },
    })
    expect(await refactored.log.count()).toBe(0)
    expect(backend.requests).toContain('GET /api/changes')
    expect(backend.requests.filter((one) => !one.startsWith('GET'))).toEqual([
      'POST /api/rest/cards',
      'PATCH /api/rest/cards',
    ])

    const card = await refactored.cards.get('new')
    await refactored.cards.update('new', {
      frontContent: { ...(card?.frontContent as object), text: 'spoilt' },
    })
    const spoilt = await reach(world, first, ({ compared }) => compared?.changed === 1)
    expect(spoilt.compared).toMatchObject({
      missing: 0,
      extra: 0,
      paths: ['cards.frontContent.text'],
    })
    await first.close()

    const second = await boot('refactored', 2)
    backend.requests.splice(0)
    await reach(world, second, ({ state }) => state === 'running')
    await sendAll(second, [putCard('newer', 'in front of the other one')])
    const back = await reach(
      world,
      second,
      ({ applied, compared }) => applied >= 1 && compared !== null,
    )
    expect(back).toMatchObject({ engine: 'legacy', refused: 0, errors: 0, compared: EQUAL })
    expect(await legacy.cards.get('newer')).toBeDefined()
    expect(backend.requests).toContain('GET /api/rest/cards')
    expect(backend.requests.filter((one) => !one.startsWith('GET'))).toEqual(['POST /api/apply'])
    await second.close()
  })
})
