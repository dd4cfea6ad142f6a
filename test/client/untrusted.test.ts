import fc from 'fast-check'
import { CompactSign, importJWK } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { isGraySyncError } from '../../src/model/errors.js'
import type { CachedRollout, Rollout } from '../../src/model/rollout.js'
import { openDatabase } from '../../src/store/database.js'
import type { World } from '../../src/testing.js'
import { makeKeys, makeRollout, sign, type TestKeys } from '../support/rollout.js'
import { awaitEvent, type Client, createServed, type Served, visit } from '../support/served.js'

const SEED = Number(process.env.SEED ?? 20_261_123)
const RUNS = Number(process.env.RUNS ?? 150)
const GOOD = 5
const NEXT = 9
const LATER = Date.UTC(2090, 0, 1)

type Kind = 'moved' | 'legacy'

/** What keeps each kind of profile where it is, and what would move it if it were believed. */
const DOCUMENTS: Record<Kind, { good: Partial<Rollout>; hostile: Partial<Rollout> }> = {
  // Expired by the time it is tried: that moves nobody either.
  moved: { good: { maxAgeMs: 1_000, onExpired: 'hold' }, hostile: { kill: true } },
  legacy: {
    // A clock that is set forward would begin the stage.
    good: { stages: [{ name: 'all', share: 100_000, startAt: Date.UTC(2080, 0, 1) }] },
    hostile: { allow: ['user-1'] },
  },
}

/** Payloads that a key of ours signed although no parser takes them. */
const MISSHAPEN: readonly object[] = [
  { schema: 2 },
  { version: '9' },
  { version: NEXT + 0.5 },
  { kill: 'yes' },
  { stage: 'nowhere' },
  { stages: [{ name: 'all', share: 100_001 }] },
  { stages: {} },
  { hash: { version: 2, salt: 'salt' } },
  { allow: 'user-1' },
  { issuedAt: null },
]

/** Envelopes that no device may believe, by how they came to be. */
interface Forgeries {
  /** Of our own key, newer, and hostile: to be broken before use. */
  hostile: string
  good: string
  /** Whole envelopes: replayed, of another key, of another shape. */
  whole: readonly string[]
}

let keys: TestKeys
let forged: Record<Kind, Forgeries>

async function signRaw(owner: TestKeys, payload: unknown): Promise<string> {
  const key = await importJWK(owner.private, 'ES256')
  return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'ES256', kid: 'test' })
    .sign(key)
}

async function forge(kind: Kind): Promise<Forgeries> {
  const { good, hostile } = DOCUMENTS[kind]
  const strangers = await makeKeys()
  const whole = await Promise.all([
    ...[1, GOOD - 1].map((version) => sign(keys, { ...hostile, version })),
    sign(strangers, { ...hostile, version: NEXT }),
    ...MISSHAPEN.map((wrong) =>
      signRaw(keys, { ...makeRollout({ ...hostile, version: NEXT }), ...wrong }),
    ),
  ])
  return {
    hostile: await sign(keys, { ...hostile, version: NEXT }),
    good: await sign(keys, { ...good, version: GOOD }),
    whole,
  }
}

beforeAll(async () => {
  keys = await makeKeys()
  forged = { moved: await forge('moved'), legacy: await forge('legacy') }
})

/** One way to break an envelope; `at` and `length` are shares of its length. */
type Damage =
  | { how: 'flip'; at: number; bit: number }
  | { how: 'truncate'; at: number }
  | { how: 'cut' | 'double'; at: number; length: number }
  | { how: 'splice'; parts: readonly [number, number, number] }
  | { how: 'header'; header: unknown }
  | { how: 'whole'; at: number }
  | { how: 'text'; text: string }

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ how: fc.constant('flip' as const), at: share, bit: fc.nat(6) }),
  fc.record({ how: fc.constant('truncate' as const), at: share }),
  fc.record({ how: fc.constantFrom('cut' as const, 'double' as const), at: share, length: share }),
  fc.record({
    how: fc.constant('splice' as const),
    parts: fc.tuple(fc.nat(5), fc.nat(5), fc.nat(5)),
  }),
  fc.record({
    how: fc.constant('header' as const),
    header: fc.oneof(
      fc.constantFrom(
        { alg: 'none', kid: 'test' },
        { alg: 'HS256', kid: 'test' },
        { alg: 'EdDSA', kid: 'test' },
        { alg: 'ES256', kid: 'other' },
        { alg: 'ES256' },
        { alg: 'ES256', kid: 'test', crit: ['b64'], b64: false },
      ),
      fc.jsonValue(),
    ),
  }),
  { weight: 3, arbitrary: fc.record({ how: fc.constant('whole' as const), at: share }) },
  fc.record({
    how: fc.constant('text' as const),
    text: fc.constantFrom('', '..', '{}', '<!doctype html>', '\0', 'A'.repeat(300_000)),
  }),
)

function breakEnvelope({ hostile, good, whole }: Forgeries, d: Damage): string {
  const place = (at: number) => Math.floor(at * hostile.length)
  switch (d.how) {
    case 'flip': {
      const at = place(d.at)
      const flipped = String.fromCharCode(hostile.charCodeAt(at) ^ (1 << d.bit))
      return hostile.slice(0, at) + flipped + hostile.slice(at + 1)
    }
    case 'truncate':
      return hostile.slice(0, place(d.at))
    case 'cut':
      return hostile.slice(0, place(d.at)) + hostile.slice(place(d.at) + 1 + place(d.length))
    case 'double': {
      const [from, to] = [place(d.at), place(d.at) + 1 + place(d.length)]
      return hostile.slice(0, to) + hostile.slice(from)
    }
    case 'splice': {
      const parts = [...hostile.split('.'), ...good.split('.')]
      const spliced = d.parts.map((part) => parts[part]).join('.')
      return spliced === hostile || spliced === good ? '' : spliced
    }
    case 'header': {
      const header = Buffer.from(JSON.stringify(d.header)).toString('base64url')
      return [header, ...hostile.split('.').slice(1)].join('.')
    }
    case 'whole':
      return whole[Math.floor(d.at * whole.length)] ?? ''
    case 'text':
      return d.text
  }
}

/** What is found in the cache: nothing, a record with a broken envelope, or one without the shape of a record. */
type Cached =
  | { is: 'as it was' }
  | { is: 'absent' }
  | { is: 'broken'; damage: Damage; version: number; etag: string | null; writtenAt: number }
  | { is: 'misshapen'; change: Record<string, unknown> }
  | { is: 'edited'; change: Record<string, unknown> }

const instant = fc.constantFrom(0, 1_700_000_000_000, LATER)
const cached: fc.Arbitrary<Cached> = fc.oneof(
  fc.constantFrom<Cached>({ is: 'as it was' }, { is: 'absent' }),
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constant('broken' as const),
      damage,
      version: fc.constantFrom(1, GOOD - 1, GOOD, NEXT),
      etag: fc.constantFrom(null, '"5"', '"9"'),
      writtenAt: instant,
    }),
  },
  fc.record({
    is: fc.constant('misshapen' as const),
    change: fc.constantFrom<Record<string, unknown>>(
      { envelope: undefined },
      { envelope: { kill: true } },
      { version: '5' },
      { etag: 5 },
      { writtenAt: 'now' },
    ),
  }),
  fc.record({
    is: fc.constant('edited' as const),
    change: fc.record(
      {
        version: fc.constantFrom(1, GOOD + 1, Number.MAX_SAFE_INTEGER),
        etag: fc.string(),
        writtenAt: instant,
        extra: fc.jsonValue(),
      },
      { requiredKeys: [] },
    ),
  }),
)

interface Answer {
  status: number
  damage: Damage
  headers: Record<string, string>
  /** The connection fails before the answer, or in the middle of it. */
  fails: 'never' | 'before' | 'within'
}

const answer: fc.Arbitrary<Answer> = fc.record({
  status: fc.oneof(
    { weight: 3, arbitrary: fc.constant(200) },
    fc.constantFrom(201, 204, 304, 400, 401, 403, 404, 429, 500, 503),
  ),
  damage,
  headers: fc.record(
    {
      etag: fc.constantFrom('"5"', '"9"', 'W/"5"', '', '*'),
      'retry-after': fc.constantFrom('1', '86400', '-5', 'soon'),
      'content-length': fc.constantFrom('0', '99999999', 'x'),
    },
    { requiredKeys: [] },
  ),
  fails: fc.oneof(
    { weight: 4, arbitrary: fc.constant('never' as const) },
    fc.constantFrom('before' as const, 'within' as const),
  ),
})

/** A captive portal has a clock of its own. */
const STRANGE_DATE = new Date(LATER).toUTCString()

function respond(forgeries: Forgeries, a: Answer): Response {
  if (a.fails === 'before') throw new TypeError('Failed to fetch')
  // Only a broken document gives the date away as not upstream's: other answers are upstream's word on it.
  const headers = { ...a.headers, ...(a.status === 200 && { date: STRANGE_DATE }) }
  if (a.status === 204 || a.status === 304) {
    return new Response(null, { status: a.status, headers })
  }
  const text = breakEnvelope(forgeries, a.damage)
  if (a.fails === 'never') return new Response(text, { status: a.status, headers })
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text.slice(0, 200)))
      controller.error(new TypeError('network error'))
    },
  })
  return new Response(body, { status: a.status, headers })
}

/** A browser whose cryptography tells when it is idle, so that a test knows when all is read that came. */
function createTold(): { subtle: SubtleCrypto; isIdle(): boolean } {
  let pending = 0
  const subtle = new Proxy(globalThis.crypto.subtle, {
    get: (real, name) => {
      const call = Reflect.get(real, name).bind(real)
      return (...given: unknown[]) => {
        pending += 1
        return call(...given).finally(() => {
          pending -= 1
        })
      }
    },
  })
  return { subtle, isIdle: () => pending === 0 }
}

interface Device {
  served: Served
  world: World
  /** Resolves when everything that came has been looked at. */
  rest(): Promise<void>
}

async function createDevice(kind: Kind): Promise<Device> {
  const { subtle, isIdle } = createTold()
  const served = createServed(keys, { subtle })
  await served.publish({ ...DOCUMENTS[kind].good, version: GOOD })
  await visit(served)
  const { world } = served
  world.online = false
  const gray = open(served)
  const { running } = await gray.start()
  expect(running).toBe(kind === 'moved' ? 'refactored' : 'legacy')
  await gray.close()
  world.advance(86_400_000)
  return {
    served,
    world,
    async rest() {
      for (let turns = 0; turns < 40; turns++) {
        await new Promise((resolve) => setImmediate(resolve))
        if (!isIdle()) turns = 0
      }
    },
  }
}

function open(served: Served, bootstrap?: string): Client {
  const gray = served.open({
    subject: { id: 'user-1' },
    rollout: {
      url: 'https://upstream.test/rollouts/sync-engine',
      keys: [keys.public],
      ...(bootstrap !== undefined && { bootstrap }),
    },
  })
  gray.on('error', (error) => expect(isGraySyncError(error)).toBe(true))
  return gray
}

async function corrupt({ world }: Device, forgeries: Forgeries, c: Cached): Promise<void> {
  const database = await openDatabase(world.tab())
  const record = await database.get('rollout', 'rollout')
  if (!record) throw new Error('nothing is cached')
  await database.clear('rollout')
  const put = (change: object) => database.put('rollout', { ...record, ...change } as CachedRollout)
  if (c.is === 'as it was') await put({})
  if (c.is === 'edited' || c.is === 'misshapen') await put(c.change)
  if (c.is === 'broken') {
    const { version, etag, writtenAt } = c
    await put({ version, etag, writtenAt, envelope: breakEnvelope(forgeries, c.damage) })
  }
  database.close()
}

/** The engine runs that ran, and nothing asks for another. */
function expectAtRest(gray: Client, kind: Kind): void {
  expect(gray.getSnapshot()).toMatchObject({
    phase: 'running',
    running: kind === 'moved' ? 'refactored' : 'legacy',
    reload: 'none',
  })
}

async function startAndRest(device: Device, kind: Kind, bootstrap?: string): Promise<Client> {
  const gray = open(device.served, bootstrap)
  await gray.start()
  await device.rest()
  // Whatever was taken is held against the profile once more.
  await gray.prefer(null)
  expectAtRest(gray, kind)
  return gray
}

interface Trial {
  cached: Cached
  bootstrap: Damage | null
  answer: Answer
  /** What another tab says that it has heard. */
  said: Damage | { how: 'junk'; message: unknown }
}

const trial: fc.Arbitrary<Trial> = fc.record({
  cached,
  bootstrap: fc.option(damage),
  answer,
  said: fc.oneof(damage, fc.record({ how: fc.constant('junk' as const), message: fc.jsonValue() })),
})

async function withstand(kind: Kind, t: Trial): Promise<void> {
  const device = await createDevice(kind)
  const { served, world } = device
  const forgeries = forged[kind]
  // An empty one is a mistake of the host, told at once.
  const bootstrap = (t.bootstrap && breakEnvelope(forgeries, t.bootstrap)) || undefined
  await corrupt(device, forgeries, t.cached)

  const offline = await startAndRest(device, kind, bootstrap)
  await offline.close()

  world.online = true
  world.advance(60_000)
  world.answer(() => respond(forgeries, t.answer))
  const online = await startAndRest(device, kind, bootstrap)
  const other = world.tab().channel?.('graysync-rollout', () => {})
  if (t.said.how === 'junk') other?.post(t.said.message)
  else {
    const envelope = breakEnvelope(forgeries, t.said)
    const record = {
      key: 'rollout',
      envelope,
      version: NEXT,
      etag: null,
      writtenAt: world.tab().now(),
    }
    other?.post({ kind: 'rollout', record })
  }
  await device.rest()
  await online.prefer(null)
  expectAtRest(online, kind)
  await online.close()

  world.online = false
  const after = await startAndRest(device, kind)
  await after.close()

  // What is good is taken again, so that nothing above has locked the device.
  world.online = true
  world.advance(60_000)
  await served.publish({ ...DOCUMENTS[kind].hostile, version: NEXT })
  const healed = open(served)
  const noticed = awaitEvent(healed, 'rolloutChanged')
  await healed.start()
  expect((await noticed).engine).toBe(kind === 'moved' ? 'legacy' : 'refactored')
  await healed.close()
}

describe('a rollout that can not be trusted, in the cache, inlined, on the network or told by another tab', () => {
  it.each(['moved', 'legacy'] as const)(
    'leaves a %s profile on its engine',
    async (kind) => {
      console.log(`untrusted ${kind}: seed ${SEED}, ${RUNS} runs`)
      await fc.assert(
        fc.asyncProperty(trial, (t) => withstand(kind, t)),
        { seed: SEED, numRuns: RUNS },
      )
    },
    120_000,
  )

  it.each(['moved', 'legacy'] as const)(
    'leaves a %s profile on its engine, for every whole forgery and every place of a truncation',
    async (kind) => {
      const { whole, hostile } = forged[kind]
      const device = await createDevice(kind)
      const database = await openDatabase(device.world.tab())
      const record = await database.get('rollout', 'rollout')
      if (!record) throw new Error('nothing is cached')
      const cuts = Array.from({ length: 24 }, (_, n) =>
        hostile.slice(0, Math.floor((hostile.length * n) / 24)),
      )
      for (const envelope of [...whole, ...cuts]) {
        await database.put('rollout', { ...record, envelope, version: NEXT })
        const gray = await startAndRest(device, kind)
        expect(gray.decision?.reason).toBe('NO_ROLLOUT')
        await gray.close()
      }
      database.close()
    },
    60_000,
  )
})
