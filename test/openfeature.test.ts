import { ErrorCode, OpenFeature, ProviderEvents, ProviderStatus } from '@openfeature/web-sdk'
import { IDBFactory } from 'fake-indexeddb'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Decision, Reason, Subject } from '../src/model/decision.js'
import { REASONS } from '../src/model/decision.js'
import { GraySyncError } from '../src/model/errors.js'
import type { Events, GraySync, GraySyncOptions, Snapshot } from '../src/model/handle.js'
import type { Operation } from '../src/model/operation.js'
import type { Rollout } from '../src/model/rollout.js'
import { createOpenFeatureProvider, type Decider } from '../src/openfeature.js'
import { createTestClient, createWorld, type World } from '../src/testing.js'
import { deleteDatabase } from './support/database.js'
import { makeKeys, sign } from './support/rollout.js'

const keys = await makeKeys('one')
const client = OpenFeature.getClient()
const KEY = 'sync-engine'
let handles: GraySync<Operation>[] = []
// These run in Node and in a real browser, on its own IndexedDB.
const inBrowser = typeof document !== 'undefined'

afterEach(async () => {
  await OpenFeature.clearProviders()
  OpenFeature.clearHandlers()
  await OpenFeature.clearContexts()
  await OpenFeature.setContext({})
  for (const handle of handles) await handle.close()
  handles = []
  if (inBrowser) await Promise.all(['graysync', 'graysync-control'].map(deleteDatabase))
})

interface Stage {
  gray: GraySync<Operation>
  world: World
  publish(changes: Partial<Rollout>): Promise<void>
}

/** A real handle on a steered browser, which starts from a signed rollout. */
async function prepare(
  changes: Partial<Rollout> | null,
  options: Partial<GraySyncOptions<Operation>> = {},
): Promise<Stage> {
  const world = createWorld({ indexedDB: inBrowser ? indexedDB : new IDBFactory() })
  let version = 1
  const make = (how: Partial<Rollout>) => sign(keys, { version, ...how })
  const rollout = {
    url: 'https://example.test/rollouts/sync-engine',
    keys: [keys.public],
    ...(changes ? { bootstrap: await make(changes) } : {}),
  }
  const app = { name: 'test', version: '1' }
  const tab = world.tab()
  const gray = createTestClient({ app, rollout, subject: { id: 'u1' }, ...options }, tab)
  handles.push(gray)
  return {
    gray,
    world,
    async publish(how) {
      version += 1
      const envelope = await make(how)
      world.answer(() => new Response(envelope))
      tab.live('online')
    },
  }
}

const share = (of: number): Partial<Rollout> => ({
  stage: 'only',
  stages: [{ name: 'only', share: of }],
})

/** What a handle shows, each piece set by hand. */
interface Puppet extends Decider {
  decision: Decision | null
  emit<K extends keyof Events>(type: K, event: Events[K]): void
  subjects: (Subject | null)[]
  listeners(): number
}

function createPuppet(decision: Decision | null, snapshot: object = { phase: 'running' }): Puppet {
  const listeners = new Set<{ type: string; listen(event: never): void }>()
  const subjects: (Subject | null)[] = []
  return {
    decision,
    subjects,
    listeners: () => listeners.size,
    start: async () => snapshot as Snapshot,
    async identify(subject) {
      subjects.push(subject)
      return snapshot as Snapshot
    },
    on(type, listen, o) {
      const entry = { type, listen }
      listeners.add(entry)
      o?.signal?.addEventListener('abort', () => listeners.delete(entry))
      return () => void listeners.delete(entry)
    },
    emit(type, event) {
      for (const entry of [...listeners]) if (entry.type === type) entry.listen(event as never)
    },
  }
}

function makeDecision(changes: Partial<Decision> = {}): Decision {
  return {
    engine: 'refactored',
    reason: 'IN_SHARE',
    arm: 'candidate',
    rollout: KEY,
    version: 7,
    stage: 'only',
    share: 50_000,
    bucket: 12,
    cached: false,
    stale: false,
    explain: () => [],
    ...changes,
  }
}

describe('a flag over a real handle', () => {
  test.each([
    [100_000, true, 'refactored', 'IN_SHARE'],
    [0, false, 'legacy', 'OUT_OF_SHARE'],
  ])('with a share of %i is %s, as text "%s"', async (of, bool, text, reason) => {
    const { gray } = await prepare(share(of))
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(gray))
    expect(client.getBooleanValue(KEY, !bool)).toBe(bool)
    expect(client.getStringValue(KEY, 'other')).toBe(text)
    const details = client.getBooleanDetails(KEY, !bool)
    expect(details).toMatchObject({ flagKey: KEY, value: bool, variant: text, reason: 'SPLIT' })
    expect(details).not.toHaveProperty('errorCode')
    expect(details.flagMetadata).toMatchObject({ reason, version: '1', stage: 'only', share: of })
    expect(details.flagMetadata).toHaveProperty('bucket', expect.any(Number))
  })

  test('that is killed is off and says so', async () => {
    const { gray } = await prepare({ ...share(100_000), kill: true })
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(gray))
    expect(client.getBooleanDetails(KEY, true)).toMatchObject({
      value: false,
      reason: 'DISABLED',
      flagMetadata: { reason: 'KILLED' },
    })
  })

  test('that allows a subject says that it was meant', async () => {
    const { gray } = await prepare({ ...share(0), allow: ['jane'] }, { subject: { id: 'jane' } })
    await OpenFeature.setContext({ targetingKey: 'jane', plan: 'pro' })
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(gray))
    expect(client.getStringDetails(KEY, 'other')).toMatchObject({
      value: 'refactored',
      reason: 'TARGETING_MATCH',
      flagMetadata: { reason: 'ALLOWED' },
    })
  })

  test('takes the attributes of the context into account', async () => {
    const { gray } = await prepare(
      {
        segments: [
          { name: 'paying', constraints: [{ attribute: 'plan', operator: 'IN', values: ['pro'] }] },
        ],
        stage: 'only',
        stages: [{ name: 'only', share: 100_000, where: ['paying'] }],
      },
      { subject: null },
    )
    await OpenFeature.setContext({ targetingKey: 'jane', plan: 'free' })
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(gray))
    expect(client.getBooleanDetails(KEY, true)).toMatchObject({
      value: false,
      reason: 'DEFAULT',
      flagMetadata: { reason: 'NOT_TARGETED' },
    })
  })

  test('without any rollout has no name, so that the caller’s default holds', async () => {
    const { gray } = await prepare(null)
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(gray))
    expect(client.getBooleanDetails(KEY, true)).toMatchObject({
      value: true,
      reason: 'ERROR',
      errorCode: ErrorCode.FLAG_NOT_FOUND,
    })
  })

  test('tells a rollout that changed', async () => {
    const { gray, publish } = await prepare(share(100_000))
    const changed = vi.fn()
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(gray))
    client.addHandler(ProviderEvents.ConfigurationChanged, changed)
    await publish({ ...share(100_000), kill: true })
    await vi.waitFor(() => expect(changed).toHaveBeenCalled())
    expect(changed.mock.lastCall?.[0]).toMatchObject({ flagsChanged: [KEY] })
  })

  test('that has been closed leaves the handle at work', async () => {
    const { gray } = await prepare(share(100_000))
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(gray))
    await OpenFeature.clearProviders()
    expect(gray.getSnapshot().phase).not.toBe('closed')
    expect(gray.decision?.engine).toBe('refactored')
  })
})

describe('evaluation', () => {
  const set = (decision: Decision) =>
    OpenFeature.setProviderAndWait(createOpenFeatureProvider(createPuppet(decision)))

  test.each<[string, () => unknown, unknown]>([
    ['boolean', () => client.getBooleanDetails('other', true), true],
    ['string', () => client.getStringDetails('other', 'x'), 'x'],
    ['number', () => client.getNumberDetails('other', 5), 5],
    ['object', () => client.getObjectDetails('other', { a: 1 }), { a: 1 }],
  ])('of an unknown %s flag is the default, FLAG_NOT_FOUND', async (_, evaluate, value) => {
    await set(makeDecision())
    expect(evaluate()).toMatchObject({
      flagKey: 'other',
      value,
      reason: 'ERROR',
      errorCode: 'FLAG_NOT_FOUND',
      errorMessage: expect.stringContaining('other'),
    })
  })

  test.each<[string, () => unknown, unknown]>([
    ['number', () => client.getNumberDetails(KEY, 5), 5],
    ['object', () => client.getObjectDetails(KEY, { a: 1 }), { a: 1 }],
  ])('as a %s is the default, TYPE_MISMATCH', async (_, evaluate, value) => {
    await set(makeDecision())
    expect(evaluate()).toMatchObject({ value, reason: 'ERROR', errorCode: 'TYPE_MISMATCH' })
  })

  const standard: Record<Reason, string> = {
    NO_ROLLOUT: 'DEFAULT',
    KILLED: 'DISABLED',
    ROLLED_BACK: 'DISABLED',
    UNSUPPORTED: 'DEFAULT',
    OVERRIDDEN: 'STATIC',
    DENIED: 'TARGETING_MATCH',
    OPTED_OUT: 'TARGETING_MATCH',
    ALLOWED: 'TARGETING_MATCH',
    OPTED_IN: 'TARGETING_MATCH',
    KEPT: 'STATIC',
    HELD_OUT: 'SPLIT',
    BEFORE_FIRST_STAGE: 'DEFAULT',
    NOT_TARGETED: 'DEFAULT',
    NOT_ADMITTED: 'DEFAULT',
    IN_SHARE: 'SPLIT',
    OUT_OF_SHARE: 'SPLIT',
  }
  test.each(REASONS)(
    'gives %s one of the standard reasons, and keeps it in the metadata',
    async (reason) => {
      await set(makeDecision({ reason }))
      expect(client.getBooleanDetails(KEY, false)).toMatchObject({
        reason: standard[reason],
        flagMetadata: { reason },
      })
    },
  )

  test('of a stale decision says so', async () => {
    await set(makeDecision({ stale: true, cached: true }))
    expect(client.getBooleanDetails(KEY, false)).toMatchObject({
      value: true,
      reason: 'STALE',
      flagMetadata: { reason: 'IN_SHARE', stale: true, cached: true },
    })
  })

  test('leaves out of the metadata what a decision has not', async () => {
    await set(makeDecision({ stage: null, share: null, bucket: null, version: null }))
    expect(client.getBooleanDetails(KEY, false).flagMetadata).toEqual({
      reason: 'IN_SHARE',
      arm: 'candidate',
      cached: false,
      stale: false,
    })
  })

  test('runs the hooks of the application with what was evaluated', async () => {
    await set(makeDecision())
    const after = vi.fn()
    client.getBooleanValue(KEY, false, { hooks: [{ after }] })
    expect(after.mock.lastCall?.[1]).toMatchObject({ value: true, variant: 'refactored' })
  })
})

describe('the context', () => {
  test('is passed on as the subject: plain values as they are, dates as text, the rest left out', async () => {
    const puppet = createPuppet(makeDecision())
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(puppet))
    await OpenFeature.setContext({
      targetingKey: 'jane',
      plan: 'pro',
      age: 30,
      beta: true,
      team: null as never,
      tags: ['a', 'b'],
      mixed: ['a', 1],
      since: new Date(0),
      never: new Date(Number.NaN),
      ratio: Number.NaN,
      nested: { a: 1 },
    })
    expect(puppet.subjects).toEqual([
      {
        id: 'jane',
        attributes: {
          plan: 'pro',
          age: 30,
          beta: true,
          team: null,
          tags: ['a', 'b'],
          since: '1970-01-01T00:00:00.000Z',
        },
      },
    ])
  })

  test('with a key at first identifies before the start', async () => {
    const puppet = createPuppet(makeDecision())
    const start = vi.spyOn(puppet, 'start')
    await OpenFeature.setContext({ targetingKey: 'jane' })
    start.mockImplementation(async () => {
      expect(puppet.subjects).toEqual([{ id: 'jane', attributes: {} }])
      return { phase: 'running' } as Snapshot
    })
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(puppet))
    expect(start).toHaveBeenCalledOnce()
  })

  test('without a key leaves the subject that the host gave', async () => {
    const puppet = createPuppet(makeDecision())
    const [reconciling, changed] = [vi.fn(), vi.fn()]
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(puppet))
    client.addHandler(ProviderEvents.Reconciling, reconciling)
    client.addHandler(ProviderEvents.ContextChanged, changed)
    await OpenFeature.setContext({ plan: 'pro' })
    expect(puppet.subjects).toEqual([])
    expect(reconciling).not.toHaveBeenCalled()
    expect(changed).toHaveBeenCalledOnce()
  })

  test('that loses its key signs out', async () => {
    const puppet = createPuppet(makeDecision())
    await OpenFeature.setContext({ targetingKey: 'jane' })
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(puppet))
    await OpenFeature.setContext({})
    expect(puppet.subjects.at(-1)).toBeNull()
  })

  test('that changes reconciles, then says so', async () => {
    const puppet = createPuppet(makeDecision())
    const order: string[] = []
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(puppet))
    for (const type of [ProviderEvents.Reconciling, ProviderEvents.ContextChanged] as const) {
      client.addHandler(type, () => order.push(type))
    }
    const setting = OpenFeature.setContext({ targetingKey: 'jane' })
    expect(client.providerStatus).toBe(ProviderStatus.RECONCILING)
    await setting
    expect(client.providerStatus).toBe(ProviderStatus.READY)
    expect(order).toEqual([ProviderEvents.Reconciling, ProviderEvents.ContextChanged])
  })

  test('that the handle refuses is an error', async () => {
    const puppet = createPuppet(makeDecision())
    const failed = vi.fn()
    await OpenFeature.setProviderAndWait(createOpenFeatureProvider(puppet))
    client.addHandler(ProviderEvents.Error, failed)
    vi.spyOn(puppet, 'identify').mockRejectedValue(new GraySyncError('CLOSED', 'closed'))
    await OpenFeature.setContext({ targetingKey: 'jane' })
    expect(client.providerStatus).toBe(ProviderStatus.ERROR)
    expect(failed).toHaveBeenCalledOnce()
  })
})

describe('events', () => {
  let puppet: Puppet
  let seen: string[]
  beforeEach(() => {
    puppet = createPuppet(makeDecision())
    seen = []
    for (const type of [
      ProviderEvents.Ready,
      ProviderEvents.Error,
      ProviderEvents.Stale,
      ProviderEvents.ConfigurationChanged,
    ] as const) {
      OpenFeature.addHandler(type, () => seen.push(type))
    }
    // OpenFeature's own empty provider is ready.
    seen.length = 0
  })
  const set = () => OpenFeature.setProviderAndWait(createOpenFeatureProvider(puppet))

  test('say ready once the first decision is there, also to a handler that comes later', async () => {
    await set()
    expect(client.providerStatus).toBe(ProviderStatus.READY)
    expect(seen).toEqual([ProviderEvents.Ready])
    const late = vi.fn()
    OpenFeature.addHandler(ProviderEvents.Ready, late)
    expect(late).toHaveBeenCalledOnce()
  })

  test('say nothing about decisions that came before ready', async () => {
    vi.spyOn(puppet, 'start').mockImplementation(async () => {
      puppet.emit('decided', makeDecision())
      return { phase: 'running' } as Snapshot
    })
    await set()
    expect(seen).toEqual([ProviderEvents.Ready])
  })

  test('say an error when there is no decision in time, and ready when it comes', async () => {
    puppet.decision = null
    await expect(set()).rejects.toMatchObject({ code: ErrorCode.PROVIDER_NOT_READY })
    expect(client.providerStatus).toBe(ProviderStatus.ERROR)
    expect(client.getBooleanDetails(KEY, true)).toMatchObject({
      value: true,
      errorCode: ErrorCode.PROVIDER_NOT_READY,
    })
    puppet.decision = makeDecision()
    puppet.emit('decided', puppet.decision)
    expect(client.providerStatus).toBe(ProviderStatus.READY)
    expect(seen.slice(0, 2)).toEqual([ProviderEvents.Error, ProviderEvents.Ready])
    expect(client.getBooleanValue(KEY, false)).toBe(true)
  })

  test('say an error when the handle halts, at the start and later', async () => {
    const error = new GraySyncError('NEWER_STATE', 'a newer build made it')
    const halted = createPuppet(null, { phase: 'halted', error })
    const setting = OpenFeature.setProviderAndWait(createOpenFeatureProvider(halted))
    await expect(setting).rejects.toMatchObject({
      code: ErrorCode.GENERAL,
      message: 'a newer build made it',
    })
    await set()
    puppet.emit('halted', error)
    expect(client.providerStatus).toBe(ProviderStatus.ERROR)
  })

  test('say stale after ready, and ready again once it is fresh', async () => {
    puppet.decision = makeDecision({ stale: true })
    await set()
    await vi.waitFor(() => expect(client.providerStatus).toBe(ProviderStatus.STALE))
    expect(seen).toEqual([ProviderEvents.Ready, ProviderEvents.Stale])
    puppet.decision = makeDecision()
    puppet.emit('rolloutChanged', { version: 8, engine: 'refactored' })
    expect(client.providerStatus).toBe(ProviderStatus.READY)
  })

  test.each(['decided', 'rolloutChanged'] as const)(
    'say at %s that the flag changed',
    async (type) => {
      const changed = vi.fn()
      await set()
      OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, changed)
      puppet.emit(type, makeDecision() as never)
      expect(changed).toHaveBeenCalledOnce()
      expect(changed.mock.lastCall?.[0]).toMatchObject({
        flagsChanged: [KEY],
        providerName: 'graysync',
      })
    },
  )

  test('end with the provider, and begin again when it is set again', async () => {
    const provider = createOpenFeatureProvider(puppet)
    await OpenFeature.setProviderAndWait(provider)
    expect(puppet.listeners()).toBe(3)
    await OpenFeature.clearProviders()
    expect(puppet.listeners()).toBe(0)
    await OpenFeature.setProviderAndWait(provider)
    expect(puppet.listeners()).toBe(3)
  })
})
