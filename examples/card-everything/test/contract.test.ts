import { checkEngine } from 'graysync/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Backend, createBackend, makeCard, putCard } from './support/backend.js'
import { rigLegacy, rigRefactored } from './support/rig.js'

const PATIENCE_MS = 60_000

let backend: Backend
beforeAll(async () => {
  backend = await createBackend()
}, PATIENCE_MS)
afterAll(() => backend.close())

it.each([
  ['legacy', rigLegacy],
  ['refactored', rigRefactored],
])(
  'the %s engine keeps the whole contract of an adapter',
  async (_, createRig) => {
    const { engine } = createRig({ backend })
    const report = await checkEngine(engine, {
      operation: (index) => putCard(`card-${index}`, `${index}`),
      rows: { cards: [makeCard('a', 'one'), makeCard('b', 'two')] },
    })
    expect(report).toEqual({ tier: 'fenced', missing: [] })
  },
  PATIENCE_MS,
)
