import { checkEngine } from 'graysync/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, createBackend, makeCard, putCard } from './support/backend.js'
import { rigLegacy, rigRefactored } from './support/rig.js'

const PATIENCE_MS = 60_000

let backend: Backend
beforeAll(async () => {
  backend = await createBackend()
}, PATIENCE_MS)
afterAll(() => backend.close())

describe.each([
  ['legacy', rigLegacy],
  ['refactored', rigRefactored],
])('the %s engine', (_, createRig) => {
  it('keeps the whole contract of an adapter', { timeout: PATIENCE_MS }, async () => {
    const { engine } = createRig({ backend })
    const report = await checkEngine(engine, {
      operation: (index) => putCard(`card-${index}`, `${index}`),
      rows: { cards: [makeCard('a', 'one'), makeCard('b', 'two')] },
    })
    expect(report).toEqual({ tier: 'fenced', missing: [] })
  })

  it('keeps an operation until graysync has its end', async () => {
    const rig = createRig({ backend })
    let write = () => {}
    const written = new Promise<void>((resolve) => {
      write = resolve
    })
    const { running, settle, stop } = await rig.start({ written })
    const op = putCard('card-1', 'one')
    await running.push(op)
    await expect.poll(() => rig.acked).toEqual([op.opId])
    expect(await rig.engine.queue?.exporter?.read()).toMatchObject([{ opId: op.opId }])
    write()
    await settle()
    expect(await rig.engine.queue?.size()).toMatchObject({ count: 0 })
    await stop()
  })
})
