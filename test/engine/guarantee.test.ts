import { describe, expect, it } from 'vitest'
import { assess, type Evidence, NO_EVIDENCE } from '../../src/engine/guarantee.js'
import type { Engine } from '../../src/model/engine.js'
import { createFakeEngine, type RowOperation } from '../../src/testing.js'

type Adapter = Engine<RowOperation>

const full = (): Adapter => createFakeEngine(['cards'])
const least = (): Adapter => ({ version: '1', start: () => undefined })
const draining = (): Adapter => ({ ...least(), queue: { size: () => ({ count: 0, seq: 0 }) } })
const unsafe = (): Adapter => ({ ...full(), replay: 'unsafe' })
const SENDS: Evidence = { ...NO_EVIDENCE, sends: { legacy: '1', refactored: '1' } }
const ALL: Evidence = { ...SENDS, duplicate: true, fenced: true }

describe('the tier', () => {
  it.each<[string, Adapter, Adapter | undefined, Evidence, string]>([
    ['nothing but start', least(), least(), ALL, 'none'],
    ['one engine only', full(), undefined, ALL, 'none'],
    ['a queue on one side only', draining(), least(), ALL, 'none'],
    ['queues that say their size', draining(), draining(), ALL, 'drain'],
    ['export and import, and nothing seen yet', full(), full(), NO_EVIDENCE, 'drain'],
    ['sends seen of one engine', full(), full(), { ...ALL, sends: { legacy: '1' } }, 'drain'],
    [
      'sends seen of an older version',
      full(),
      full(),
      { ...ALL, sends: { legacy: '1', refactored: '0' } },
      'drain',
    ],
    ['sends seen of both', full(), full(), SENDS, 'contained'],
    ['a server that knows ids, replay unsafe', full(), unsafe(), ALL, 'contained'],
    ['replay keyed, no duplicate seen', full(), full(), { ...ALL, duplicate: false }, 'contained'],
    ['replay keyed and a duplicate seen', full(), full(), { ...SENDS, duplicate: true }, 'keyed'],
    ['everything that can be shown today', full(), full(), ALL, 'keyed'],
  ])('of %s is what its evidence reaches', (_, legacy, refactored, evidence, tier) => {
    const engines = refactored ? { legacy, refactored } : { legacy }
    expect(assess(engines, evidence).tier).toBe(tier)
  })

  it('is none without engines, and nothing is missing', () => {
    expect(assess(undefined, ALL)).toEqual({ tier: 'none', missing: [] })
  })

  it('names what is missing, by engine and member, and what it would raise to', () => {
    const { missing } = assess({ legacy: draining(), refactored: full() }, NO_EVIDENCE)
    expect(missing).toEqual([
      { member: 'legacy.queue.exporter', raisesTo: 'contained' },
      { member: 'legacy.queue.importer', raisesTo: 'contained' },
      { member: 'legacy.ctx.fetch', raisesTo: 'contained' },
      { member: 'legacy.replay', raisesTo: 'keyed' },
      { member: 'refactored.ctx.fetch', raisesTo: 'contained' },
      { member: 'server answers duplicate', raisesTo: 'keyed' },
      { member: 'server answers fenced', raisesTo: 'fenced' },
      { member: 'grayWrites', raisesTo: 'fenced' },
    ])
  })
})
