import { describe, expect, it } from 'vitest'
import { trackFlight } from '../../src/consistency/flight.js'
import { boundEngines, startEngine, stopEngine } from '../../src/engine/adapter.js'
import type { Engine, EngineContext } from '../../src/model/engine.js'
import { GraySyncError } from '../../src/model/errors.js'
import type { Source } from '../../src/model/source.js'
import { createFakeEngine, createWorld, type RowOperation } from '../../src/testing.js'
import { rest } from '../support/session.js'

const CONTEXT = {} as EngineContext
const hang = () => new Promise<never>(() => {})
const engine = (start: Engine<RowOperation>['start']): Engine<RowOperation> => ({
  version: '1',
  start,
})

describe('a start', () => {
  it.each<[string, () => never | Promise<never>, string]>([
    ['throws', () => thrown(new Error('no')), 'ENGINE_START'],
    ['rejects', () => Promise.reject(new Error('no')), 'ENGINE_START'],
    ['rejects with a text', () => Promise.reject('no'), 'ENGINE_START'],
    [
      'can not be loaded by Chromium',
      () => thrown(new TypeError('Failed to fetch dynamically imported module: /x.js')),
      'ENGINE_LOAD',
    ],
    [
      'can not be loaded by Firefox',
      () => thrown(new TypeError('error loading dynamically imported module: /x.js')),
      'ENGINE_LOAD',
    ],
    [
      'can not be loaded by Safari',
      () => thrown(new TypeError('Importing a module script failed.')),
      'ENGINE_LOAD',
    ],
  ])('that %s has a code', async (_, start, code) => {
    const starting = startEngine(createWorld().tab(), 'legacy', engine(start), CONTEXT)
    await expect(starting).rejects.toMatchObject({ code })
  })

  it('that does not end in time is told by the engine, and what it starts later is stopped', async () => {
    const world = createWorld()
    let begin = (_: { stop(): void }) => {}
    let isStopped = false
    const slow = engine(
      () =>
        new Promise((resolve) => {
          begin = resolve as typeof begin
        }),
    )
    const starting = startEngine(world.tab(), 'refactored', slow, CONTEXT)
    const late = expect(starting).rejects.toMatchObject({
      code: 'ENGINE_TIMEOUT',
      message: 'engine refactored did not start in time',
    })
    await rest()
    world.advance(15_000)
    await late
    begin({
      stop() {
        isStopped = true
      },
    })
    await rest()
    expect(isStopped).toBe(true)
  })

  it('that rejects says of which engine and why, and a code of its own stays', async () => {
    const start = (cause: Error) =>
      startEngine(
        createWorld().tab(),
        'legacy',
        engine(() => thrown(cause)),
        CONTEXT,
      )
    const cause = new Error('no')
    await expect(start(cause)).rejects.toMatchObject({ message: 'engine legacy: no', cause })
    const own = new GraySyncError('QUOTA', 'full')
    await expect(start(own)).rejects.toBe(own)
  })

  it('without an answer is an engine that can not be steered', async () => {
    const starting = startEngine(
      createWorld().tab(),
      'legacy',
      engine(() => {}),
      CONTEXT,
    )
    expect(await starting).toEqual({})
  })
})

describe('a stop', () => {
  it.each<[string, (() => unknown) | undefined, boolean]>([
    ['is not offered', undefined, false],
    ['throws', () => thrown(new Error('no')), false],
    ['rejects', () => Promise.reject(new Error('no')), false],
    ['says nothing', () => undefined, true],
    ['says that it is clean', async () => ({ clean: true, inflight: [] }), true],
    ['says that it is not', async () => ({ clean: false, inflight: ['a'] }), false],
  ])('that %s is clean: %s', async (_, stop, clean) => {
    const running = stop ? { stop: stop as () => undefined } : {}
    expect(await stopEngine(createWorld().tab(), running)).toBe(clean)
  })

  it('is told its deadline', async () => {
    const told: unknown[] = []
    await stopEngine(createWorld().tab(), { stop: async (o) => void told.push(o) })
    expect(told).toEqual([{ deadlineMs: 5_000 }])
  })

  it('that hangs is over after its deadline', async () => {
    const world = createWorld()
    const stopping = stopEngine(world.tab(), { stop: hang })
    await rest()
    world.advance(5_000)
    expect(await stopping).toBe(false)
  })
})

describe('an engine with bounds', () => {
  it('has the members that it was given, and no other', () => {
    const full = createFakeEngine(['cards'])
    const least = engine(() => undefined)
    const { engines } = boundEngines(createWorld().tab(), { legacy: least, refactored: full })
    expect(Object.keys(engines?.legacy ?? {}).sort()).toEqual(['start', 'version'])
    const members = Object.keys(engines?.refactored ?? {}).sort()
    expect(members).toEqual(['data', 'queue', 'replay', 'start', 'store', 'version'])
    expect(boundEngines(createWorld().tab(), undefined)).toEqual({})
  })

  it('has the tables that its source knows by then', async () => {
    const full = createFakeEngine(['cards'])
    const known: string[] = []
    const source = Object.defineProperty({ ...full.data }, 'tables', { get: () => [...known] })
    const late = { ...full, data: source as Source }
    const { engines } = boundEngines(createWorld().tab(), { legacy: late })
    const data = engines?.legacy.data as Source
    const flight = await trackFlight(async () => new Set<string>())
    const watched = flight.watch(data)
    expect(watched.tables).toEqual([])
    known.push('cards')
    expect(data.tables).toEqual(['cards'])
    expect(watched.tables).toEqual(['cards'])
  })

  it('has the reads of its rows that it was given, and no other', async () => {
    const full = createFakeEngine(['cards'])
    if (!full.data) throw new Error('the fake engine has rows')
    const { page, get, name, tables } = full.data
    const bare = { ...full, data: { page, get, name, tables } }
    const rich = {
      ...full,
      data: {
        ...bare.data,
        count: async (table: string) => table.length,
        rewrite: async (table: string, keys: readonly IDBValidKey[]) =>
          void seen.push(table, ...keys),
        changes: async (table: string) => ({ of: table }) as never,
      },
    }
    const seen: unknown[] = []
    const { engines } = boundEngines(createWorld().tab(), { legacy: bare, refactored: rich })
    expect(Object.keys(engines?.legacy.data ?? {}).sort()).toEqual([
      'get',
      'name',
      'page',
      'tables',
    ])
    const data = engines?.refactored?.data
    expect(await data?.count?.('cards')).toBe(5)
    expect(await data?.changes?.('cards')).toEqual({ of: 'cards' })
    await data?.rewrite?.('cards', ['a'], () => ({}) as never)
    expect(seen).toEqual(['cards', 'a'])
  })

  it('keeps what an adapter made of a class refers to', async () => {
    class Adapter {
      version = '1'
      #queued = 3
      start() {}
      knows() {
        return this.#queued > 3
      }
      queue = { size: () => ({ count: this.#queued, seq: 4 }) }
    }
    const { engines } = boundEngines(createWorld().tab(), { legacy: new Adapter() })
    expect(engines?.legacy.knows?.({ entity: 'a', entityId: 'b', kind: 'c' })).toBe(false)
    expect(await engines?.legacy.queue?.size()).toEqual({ count: 3, seq: 4 })
  })

  it.each([
    'queue.size',
    'queue.exporter.read',
    'queue.exporter.seal',
    'queue.importer.stage',
    'queue.importer.activate',
    'queue.importer.discard',
    'data.page',
    'data.get',
    'store.hydrate',
    'store.apply',
    'store.clear',
  ])('answers in time, or not at all: %s', async (path) => {
    const world = createWorld()
    const fake = createFakeEngine(['cards'])
    const places = path.split('.')
    const member = places.pop() as string
    const reach = (root: object) =>
      places.reduce<Record<string, unknown>>(
        (at, place) => at[place] as Record<string, unknown>,
        root as Record<string, unknown>,
      )
    reach(fake)[member] = hang
    const { engines } = boundEngines(world.tab(), { legacy: fake })
    const call = reach(engines?.legacy ?? {})[member] as () => Promise<unknown>
    const refused = expect(call()).rejects.toMatchObject({
      code: 'ENGINE_TIMEOUT',
      message: 'engine legacy did not answer in time',
    })
    await rest()
    world.advance(30_000)
    await refused
    reach(fake)[member] = () => thrown(new Error('of the engine'))
    await expect(call()).rejects.toThrow('of the engine')
  })
})

function thrown(cause: Error): never {
  throw cause
}
