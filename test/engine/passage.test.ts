import { describe, expect, it } from 'vitest'
import { findPassage } from '../../src/engine/passage.js'
import type { Engine, Queue } from '../../src/model/engine.js'
import { createFakeEngine, type RowOperation } from '../../src/testing.js'

type Adapter = Engine<RowOperation>
type Size = Awaited<ReturnType<Queue<RowOperation>['size']>>

const least: Adapter = { version: '1', start: () => undefined }
const sized = (...sizes: Size[]): Adapter => ({
  ...least,
  queue: { size: () => (sizes.length > 1 ? sizes.shift() : sizes[0]) as Size },
})
const EMPTY: Size = { count: 0, inflight: 0, seq: 7 }

const find = (from: Adapter, to: Adapter, o: { pristine?: boolean; online?: boolean } = {}) =>
  findPassage({
    from,
    to,
    rescues: false,
    pristine: o.pristine ?? false,
    roundTrip: async () => o.online ?? true,
  })

describe('the way from one engine to the other', () => {
  it('is fresh on a profile that holds nothing, whatever the engines can', async () => {
    expect(await find(least, least, { pristine: true })).toEqual({ way: 'fresh' })
  })

  it('is a move where one exports and the other imports', async () => {
    const [from, to] = [createFakeEngine(['cards']), createFakeEngine(['cards'])]
    delete from.queue?.importer
    delete to.queue?.exporter
    expect(await find(from, to)).toEqual({ way: 'move' })
    expect(await find(to, from)).toEqual({ way: 'empty' })
  })

  it('is closed to a store of its own where the rows of either side can not be read', async () => {
    const { data: _, ...blind } = createFakeEngine(['cards'])
    const full = createFakeEngine(['cards'])
    for (const [from, to] of [
      [full, blind],
      [blind, full],
    ] as const) {
      expect(await find(from, to)).toMatchObject({ way: 'closed', by: 'NO_QUEUE' })
    }
  })

  it.each([
    ['neither', least, least],
    ['one', sized(EMPTY), least],
    ['the other', least, sized(EMPTY)],
    ['one without a sequence', sized(EMPTY), sized({ count: 0 })],
  ])('is closed where %s has a queue', async (_, from, to) => {
    expect(await find(from, to)).toMatchObject({ way: 'closed', by: 'NO_QUEUE' })
  })

  it('is empty where both are, before and after an answered request', async () => {
    expect(await find(sized(EMPTY), sized(EMPTY))).toEqual({ way: 'empty' })
  })

  it.each<[string, Adapter, Adapter]>([
    ['something waits', sized({ ...EMPTY, count: 1 }), sized(EMPTY)],
    ['something waits on the other side', sized(EMPTY), sized({ ...EMPTY, count: 1 })],
    ['a queue can not say how much', sized({ ...EMPTY, count: Number.NaN }), sized(EMPTY)],
    ['something is on the wire', sized({ ...EMPTY, inflight: 1 }), sized(EMPTY)],
    ['something came during the request', sized(EMPTY, { ...EMPTY, count: 1 }), sized(EMPTY)],
    ['something came and went', sized(EMPTY, { ...EMPTY, seq: 8 }), sized(EMPTY)],
    ['it came and went there', sized(EMPTY), sized(EMPTY, { ...EMPTY, seq: 8 })],
  ])('is closed where %s', async (_, from, to) => {
    expect(await find(from, to)).toMatchObject({ way: 'closed', by: 'QUEUE_NOT_EMPTY' })
  })

  it('is closed where nobody answers', async () => {
    expect(await find(sized(EMPTY), sized(EMPTY), { online: false })).toMatchObject({
      way: 'closed',
      by: 'NETWORK',
    })
  })

  it('is closed where a queue can not be asked', async () => {
    const broken: Adapter = {
      ...least,
      queue: {
        size: () => {
          throw new Error('of the engine')
        },
      },
    }
    for (const [from, to] of [
      [broken, sized(EMPTY)],
      [sized(EMPTY), broken],
    ] as const) {
      expect(await find(from, to)).toMatchObject({ way: 'closed', by: 'NO_QUEUE' })
    }
  })
})
