import { describe, expect, it } from 'vitest'
import { assess, type Evidence, learn, NO_EVIDENCE } from '../../src/engine/guarantee.js'
import type { Engine } from '../../src/model/engine.js'
import { createFakeEngine, type RowOperation } from '../../src/testing.js'

type Adapter = Engine<RowOperation>

const full = (): Adapter => createFakeEngine(['cards'])
const least = (): Adapter => ({ version: '1', start: () => undefined })
const draining = (): Adapter => ({ ...least(), queue: { size: () => ({ count: 0, seq: 0 }) } })
const unsafe = (): Adapter => ({ ...full(), replay: 'unsafe' })
const SENDS: Evidence = { ...NO_EVIDENCE, sends: { legacy: '1', refactored: '1' } }
const STOPS = { legacy: '1', refactored: '1' }
const ALL: Evidence = { ...SENDS, duplicate: true, fenced: true, stops: STOPS }
const guarded = () => true

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
    ['no old term seen refused', full(), full(), { ...ALL, fenced: false }, 'keyed'],
    ['a stop of one engine only', full(), full(), { ...ALL, stops: { legacy: '1' } }, 'keyed'],
    ['everything', full(), full(), ALL, 'fenced'],
  ])('of %s is what its evidence reaches', (_, legacy, refactored, evidence, tier) => {
    const engines = refactored ? { legacy, refactored } : { legacy }
    expect(assess(engines, evidence, guarded).tier).toBe(tier)
  })

  it('is not fenced while one engine writes where no replica is', () => {
    const engines = { legacy: full(), refactored: full() }
    expect(assess(engines, ALL, (name) => name === 'legacy').tier).toBe('keyed')
  })

  it('is none without engines, and nothing is missing', () => {
    expect(assess(undefined, ALL, guarded)).toEqual({ tier: 'none', missing: [] })
  })

  it('names what is missing, by engine and member, and what it would raise to', () => {
    const engines = { legacy: draining(), refactored: full() }
    const { missing } = assess(engines, NO_EVIDENCE, (name) => name === 'legacy')
    expect(missing).toEqual([
      { member: 'legacy.queue.exporter', raisesTo: 'contained' },
      { member: 'legacy.queue.importer', raisesTo: 'contained' },
      { member: 'legacy.ctx.fetch', raisesTo: 'contained' },
      { member: 'legacy.stop is clean', raisesTo: 'fenced' },
      { member: 'legacy.replay', raisesTo: 'keyed' },
      { member: 'refactored.ctx.fetch', raisesTo: 'contained' },
      { member: 'refactored.stop is clean', raisesTo: 'fenced' },
      { member: 'refactored.grayWrites', raisesTo: 'fenced' },
      { member: 'server answers duplicate', raisesTo: 'keyed' },
      { member: 'server answers fenced', raisesTo: 'fenced' },
    ])
  })
})

describe('evidence', () => {
  const answer = (evidence: Evidence, outcome: string | null, echoes: boolean | null) =>
    learn(evidence, { engine: 'legacy', version: '1', seen: { outcome, echoes } })
  const stop = (evidence: Evidence, isClean: boolean, version = '1') =>
    learn(evidence, { engine: 'legacy', version, seen: { isClean } })

  it('of sends, duplicates and refusals is gained by answers', () => {
    expect(answer(NO_EVIDENCE, 'applied', true)).toEqual({
      ...NO_EVIDENCE,
      sends: { legacy: '1' },
    })
    expect(answer(NO_EVIDENCE, 'duplicate', true).duplicate).toBe(true)
    expect(answer(NO_EVIDENCE, 'fenced', null).fenced).toBe(true)
    expect(answer(NO_EVIDENCE, 'applied', true).fenced).toBe(false)
  })

  it('that old terms are refused falls with the first answer that does not name its term', () => {
    expect(answer(ALL, 'applied', true).fenced).toBe(true)
    expect(answer(ALL, null, null).fenced).toBe(true)
    expect(answer(ALL, null, false).fenced).toBe(false)
  })

  it('of clean stops falls with one that is not, for that engine alone', () => {
    expect(stop(NO_EVIDENCE, true).stops).toEqual({ legacy: '1' })
    expect(stop(ALL, true, '2').stops).toEqual({ legacy: '2', refactored: '1' })
    expect(stop(ALL, false).stops).toEqual({ refactored: '1' })
  })
})
