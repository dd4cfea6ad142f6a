import { describe, expect, it } from 'vitest'
import { checkEngine, createFakeEngine, type FakeEngine } from '../../src/testing.js'
import { put } from '../support/session.js'
import { createHasty, createLiar, createRestless } from './quirky.js'

const options = {
  operation: (index: number) => put(`card-${index}`, `text ${index}`),
  rows: { cards: [{ id: 'a' }, { id: 'b', text: 'x' }] },
  timeoutMs: 100,
}

/** A fake engine that tries to send what it is handed, as a real one does. */
function createSending(engine = createFakeEngine(['cards'])): FakeEngine {
  const { start } = engine
  engine.start = async (ctx) => {
    const running = await start(ctx)
    void ctx.fetch('https://upstream.test/', { method: 'POST' }).catch(() => {})
    return running
  }
  return engine
}

async function missingOf(engine: FakeEngine) {
  const { tier, missing } = await checkEngine(engine, options)
  return { tier, members: missing.map(({ member }) => member) }
}

describe('the contract of an adapter', () => {
  it('is kept by a whole one, whose databases have no fence', async () => {
    const engine = createSending()
    expect(await missingOf(engine)).toEqual({ tier: 'keyed', members: ['fenceWrites'] })
    expect(engine.disk.queue).toEqual([])
  })

  it('names what bad manners cost', async () => {
    expect(await missingOf(createFakeEngine(['cards']))).toMatchObject({
      tier: 'drain',
      members: ['ctx.fetch', 'fenceWrites'],
    })
    expect(await missingOf(createSending(createRestless()))).toMatchObject({
      tier: 'keyed',
      members: ['stop', 'fenceWrites'],
    })
    expect(await missingOf(createSending(createHasty('2')))).toMatchObject({ tier: 'keyed' })
    const liar = await missingOf(createLiar())
    expect(liar.tier).toBe('none')
    expect(liar.members).toEqual(expect.arrayContaining(['queue.size', 'ctx.fetch', 'ctx.ack']))
  })

  const faults: [string, string, (engine: FakeEngine) => void][] = [
    [
      'start',
      'none',
      (engine) =>
        Object.assign(engine, {
          start: async () => {
            throw new Error('no')
          },
        }),
    ],
    ['start', 'none', (engine) => Object.assign(engine, { start: () => new Promise(() => {}) })],
    ['knows', 'none', (engine) => Object.assign(engine, { knows: () => false })],
    ['replay', 'contained', (engine) => delete engine.replay],
    ['queue.exporter', 'drain', ({ queue }) => delete queue?.exporter],
    ['queue.importer', 'drain', ({ queue }) => delete queue?.importer],
    [
      'queue.exporter.read',
      'drain',
      ({ queue, disk }) =>
        Object.assign(queue?.exporter ?? {}, { read: async () => [...disk.queue].reverse() }),
    ],
    [
      'queue.exporter.seal',
      'drain',
      ({ queue, disk }) =>
        Object.assign(queue?.exporter ?? {}, { seal: async () => void disk.queue.splice(0) }),
    ],
    [
      'queue.importer.stage',
      'drain',
      ({ queue }) => Object.assign(queue?.importer ?? {}, { stage: async () => [] }),
    ],
    [
      'queue.importer.activate',
      'drain',
      ({ queue, disk }) =>
        Object.assign(queue?.importer ?? {}, {
          activate: async (handover: string) =>
            void disk.queue.push(...(disk.staged.get(handover) ?? [])),
        }),
    ],
    [
      'queue.importer.discard',
      'drain',
      ({ queue }) => Object.assign(queue?.importer ?? {}, { discard: async () => {} }),
    ],
    [
      'queue.size',
      'none',
      ({ queue }) => Object.assign(queue ?? {}, { size: () => ({ count: 0, seq: 0 }) }),
    ],
    ['store.clear', 'drain', ({ store }) => Object.assign(store ?? {}, { clear: async () => {} })],
    [
      'store.hydrate',
      'drain',
      ({ store }) => Object.assign(store ?? {}, { hydrate: async () => {} }),
    ],
    ['store.apply', 'drain', ({ store }) => Object.assign(store ?? {}, { apply: async () => {} })],
    ['data', 'drain', (engine) => delete engine.data],
  ]
  it.each(faults)('is broken at %s, which leaves %s', async (member, tier, spoil) => {
    const engine = createSending()
    spoil(engine)
    const found = await missingOf(engine)
    expect(found.members).toContain(member)
    expect(found.tier).toBe(tier)
  })
})
