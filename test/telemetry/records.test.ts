import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Decision } from '../../src/model/decision.js'
import { GraySyncError } from '../../src/model/errors.js'
import type { AuditReport, Divergence, TableAudit } from '../../src/model/source.js'
import { readBrowser } from '../../src/platform/vitals.js'
import { toAuditRecords } from '../../src/telemetry/audit.js'
import { toExceptionRecord } from '../../src/telemetry/exception.js'
import { createExposures } from '../../src/telemetry/exposure.js'
import { toHandoverRecord } from '../../src/telemetry/handover.js'
import { countLatency, NO_LATENCIES, toLatencyAttributes } from '../../src/telemetry/latency.js'
import { toMachineRecord } from '../../src/telemetry/machine.js'
import { sampleResources } from '../../src/telemetry/resource.js'
import { scrub } from '../../src/telemetry/scrub.js'
import { createUseWindow } from '../../src/telemetry/use.js'
import { createSyncWindow } from '../../src/telemetry/window.js'
import { createWorld } from '../../src/testing.js'
import { createDevice } from '../support/device.js'
import { rest } from '../support/session.js'

let clock = 1_000_000
const platform = {
  now: () => clock,
  randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
}

const decision: Decision = {
  engine: 'refactored',
  reason: 'IN_SHARE',
  arm: 'candidate',
  rollout: 'sync-engine',
  version: 7,
  stage: 'ten',
  share: 10_000,
  bucket: 5,
  cached: false,
  stale: false,
  explain: () => [],
}

describe('an exposure', () => {
  it('speaks the convention of feature flags', () => {
    expect(createExposures(platform)(decision)).toMatchObject({
      name: 'feature_flag.evaluation',
      lane: 'exposure',
      attributes: {
        'feature_flag.key': 'sync-engine',
        'feature_flag.result.variant': 'refactored',
        'feature_flag.result.reason': 'split',
        'feature_flag.version': '7',
        'graysync.reason': 'IN_SHARE',
      },
    })
  })

  it('is told once, and again when something about it changed', () => {
    const expose = createExposures(platform)
    expect(expose(decision)).not.toBeNull()
    expect(expose({ ...decision, cached: true })).toBeNull()
    for (const change of [
      { version: 8 },
      { stage: 'fifty' },
      { engine: 'legacy' },
      { stale: true },
    ] as const) {
      expect(expose({ ...decision, ...change })).not.toBeNull()
      expect(expose({ ...decision, ...change })).toBeNull()
    }
  })

  it('names no flag where there is no rollout', () => {
    const told = createExposures(platform)({
      ...decision,
      rollout: null,
      version: null,
      reason: 'NO_ROLLOUT',
    })
    expect(told?.attributes).not.toHaveProperty('feature_flag.key')
    expect(told?.attributes).toMatchObject({ 'feature_flag.result.reason': 'default' })
  })
})

describe('a latency', () => {
  it('of 200 ms is not slower than 200 ms, and the next one is', () => {
    const counts = [200, 200.01].reduce(countLatency, NO_LATENCIES)
    expect(toLatencyAttributes(counts)).toEqual({ 'graysync.le.200': 1, 'graysync.le.300': 1 })
  })

  it('is counted once, in the bucket whose edges hold it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 20_000, noNaN: true }), (ms) => {
        const [[name, count] = []] = Object.entries(
          toLatencyAttributes(countLatency(NO_LATENCIES, ms)),
        )
        expect(count).toBe(1)
        const edge = name?.slice('graysync.le.'.length)
        expect(ms).toBeLessThanOrEqual(edge === 'inf' ? Number.POSITIVE_INFINITY : Number(edge))
        if (edge === 'inf') expect(ms).toBeGreaterThan(12_800)
      }),
    )
  })
})

describe('a window of syncing', () => {
  it('sums what happened and begins anew', () => {
    const window = createSyncWindow(platform)
    window.acked(12)
    window.acked(450)
    window.failed()
    clock += 10_000
    expect(window.end({ pending: 3, oldestAt: clock - 5_000 })?.attributes).toEqual({
      'graysync.window.ms': 10_000,
      'graysync.acked': 2,
      'graysync.failed': 1,
      'graysync.pending': 3,
      'graysync.oldest.ms': 5_000,
      'graysync.le.20': 1,
      'graysync.le.600': 1,
    })
    expect(window.end({ pending: 1 })?.attributes).toMatchObject({ 'graysync.acked': 0 })
  })

  it('in which nothing happened is not told', () => {
    expect(createSyncWindow(platform).end({ pending: 0 })).toBeNull()
  })
})

describe('an exception', () => {
  const fingerprint = (thrown: unknown) =>
    toExceptionRecord(platform, thrown).attributes['graysync.fingerprint']

  it('tells type, code, message and cause', () => {
    const cause = new TypeError('failed for ada@example.org')
    const error = new GraySyncError('STORE', 'row "card 17" is gone', { cause })
    expect(toExceptionRecord(platform, error)).toMatchObject({
      name: 'exception',
      lane: 'error',
      attributes: {
        'exception.type': 'GraySyncError',
        'exception.message': 'row "card 17" is gone',
        'graysync.code': 'STORE',
        'graysync.cause': 'TypeError: failed for [email]',
      },
    })
  })

  it('has one fingerprint for one fault, whatever numbers and names are in it', () => {
    expect(fingerprint(new Error('row 17 of "cards"'))).toBe(
      fingerprint(new Error('row 9 of "tags"')),
    )
    expect(fingerprint(new Error('row 17'))).not.toBe(fingerprint(new TypeError('row 17')))
    expect(fingerprint(new Error('row 17'))).not.toBe(fingerprint(new Error('table 17')))
    expect(fingerprint(new GraySyncError('STORE', 'x'))).not.toBe(
      fingerprint(new GraySyncError('QUOTA', 'x')),
    )
  })

  it('may be anything that can be thrown', () => {
    for (const thrown of ['text', 5, null, undefined, { a: 1 }, Symbol('s')]) {
      expect(toExceptionRecord(platform, thrown).attributes['graysync.fingerprint']).toMatch(
        /^[0-9a-f]{16}$/,
      )
    }
  })
})

describe('scrubbing', () => {
  it.each([
    ['GET https://a.example/cards?user=7&token=x failed', 'GET https://a.example/cards?… failed'],
    ['at push (https://a.example/app.js?v=9:12:34)', 'at push (https://a.example/app.js?…:12:34)'],
    ['at https://a.example/app.js:12:34', 'at https://a.example/app.js:12:34'],
    ['open /cards?id=7', 'open /cards?…'],
    ['https://ada:secret@a.example/x', 'https://a.example/x'],
    ['no user ada.b+c@mail.example.org here', 'no user [email] here'],
    ['row 3f2b8c1e-0000-4000-8000-1234567890ab is gone', 'row [uuid] is gone'],
    ['Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln refused', 'Bearer [token] refused'],
    ['key sk_live_4eC39HqLyjWDarjtT1zdp7dc', 'key [token]'],
    ['call +49 170 1234567 now', 'call +[number] now'],
    ['card 4111 1111 1111 1111', 'card [number]'],
    ['from 192.168.1.20', 'from [address]'],
    ['TransactionInactiveErrorOfTheStore', 'TransactionInactiveErrorOfTheStore'],
    ['cards/17: wanted 3 rows, got 4', 'cards/17: wanted 3 rows, got 4'],
  ])('%s', (dirty, clean) => {
    expect(scrub(dirty)).toBe(clean)
  })

  it('leaves no address behind, wherever it stands', () => {
    fc.assert(
      fc.property(fc.emailAddress(), fc.string(), fc.nat(1_990), (email, text, at) => {
        const dirty = `${text} ${'x '.repeat(at / 2)}${email} ${text}`
        expect(scrub(dirty)).not.toContain(email)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is quick with hostile text', () => {
    const startedAt = performance.now()
    for (const part of ['a@', '1-', '?', 'eyJ.', '//a', 'a1', '12 ']) scrub(part.repeat(100_000))
    expect(performance.now() - startedAt).toBeLessThan(500)
  })
})

describe('a handover', () => {
  it('tells how it ended', () => {
    const ending = {
      id: 'h',
      from: 'legacy',
      to: 'refactored',
      outcome: 'aborted',
      moved: 4,
      durationMs: 12,
    } as const
    expect(toHandoverRecord(platform, { ...ending, because: 'QUOTA' })).toMatchObject({
      name: 'graysync.handover',
      lane: 'exposure',
      attributes: {
        'graysync.handover.id': 'h',
        'graysync.handover.outcome': 'aborted',
        'graysync.handover.moved': 4,
        'graysync.handover.duration.ms': 12,
        'graysync.handover.because': 'QUOTA',
      },
    })
  })
})

describe('an audit', () => {
  const table: TableAudit = {
    table: 'cards',
    compared: 100,
    equal: 90,
    defaults: 2,
    missing: 3,
    extra: 1,
    changed: 4,
    inFlight: 0,
    inconclusive: 0,
    idle: [],
  }
  const differs = (key: string, paths: string[]): Divergence => ({
    table: 'cards',
    key,
    kind: 'changed',
    paths,
    values: { title: ['secret one', 'secret two'] },
  })
  const report: AuditReport = {
    left: 'legacy',
    right: 'cloud',
    startedAt: 0,
    durationMs: 9,
    complete: true,
    clean: false,
    tables: [table, { ...table, table: 'tags' }],
    divergences: [
      differs('a', ['title']),
      differs('b', ['title']),
      differs('c', ['style', 'title']),
    ],
  }

  it('sums its tables, and tells each way of differing once', () => {
    const [whole, ...groups] = toAuditRecords(platform, report)
    expect(whole).toMatchObject({
      name: 'graysync.audit',
      attributes: {
        'graysync.audit.compared': 200,
        'graysync.audit.changed': 8,
        'graysync.audit.clean': false,
      },
    })
    expect(groups.map((group) => group.attributes)).toEqual([
      {
        'graysync.divergence.table': 'cards',
        'graysync.divergence.kind': 'changed',
        'graysync.divergence.count': 2,
        'graysync.divergence.paths': 'title',
      },
      {
        'graysync.divergence.table': 'cards',
        'graysync.divergence.kind': 'changed',
        'graysync.divergence.count': 1,
        'graysync.divergence.paths': 'style, title',
      },
    ])
  })

  it('tells no value and no key of a row', () => {
    const text = JSON.stringify(
      toAuditRecords(platform, { ...report, divergences: [differs('row-key', ['title'])] }),
    )
    expect(text).not.toContain('secret')
    expect(text).not.toContain('row-key')
  })
})

describe('a sample of resources', () => {
  const blind = { heapBytes: () => null, takeLongTasks: () => null }

  it('tells the storage of the origin, and how late a timer came', async () => {
    const { platform: present } = createDevice({ quota: 1_000 }).tab()
    const { attributes } = await sampleResources(present, blind)
    expect(attributes).toMatchObject({
      'graysync.storage.usage.bytes': 0,
      'graysync.storage.quota.bytes': 1_000,
      'graysync.timer.late.ms': expect.any(Number),
    })
    expect(attributes).not.toHaveProperty('graysync.heap.bytes')
    expect(attributes).not.toHaveProperty('graysync.longtasks')
  })

  it.each<[string, () => Promise<never>]>([
    ['never says', () => new Promise(() => undefined)],
    ['can not say', () => Promise.reject(new TypeError('not here'))],
  ])('is told without the storage where the browser %s how much there is', async (_, estimate) => {
    const world = createWorld({ indexedDB: null })
    const sampling = sampleResources({ ...world.tab(), estimate }, blind)
    world.advance(100)
    await rest()
    world.advance(5_000)
    const { attributes } = await sampling
    expect(attributes).toMatchObject({ 'graysync.timer.late.ms': 0, 'graysync.visible': true })
    expect(attributes).not.toHaveProperty('graysync.storage.usage.bytes')
    expect(attributes).not.toHaveProperty('graysync.storage.quota.bytes')
  })

  it('tells memory and long tasks where the browser does', async () => {
    const { platform: present } = createDevice().tab()
    const vitals = { heapBytes: () => 1_234, takeLongTasks: () => ({ count: 2, ms: 130.5 }) }
    expect((await sampleResources(present, vitals)).attributes).toMatchObject({
      'graysync.heap.bytes': 1_234,
      'graysync.longtasks': 2,
      'graysync.longtasks.ms': 130.5,
    })
  })
})

describe('a window of use', () => {
  it('counts each feature by its name, and begins anew', () => {
    const window = createUseWindow(platform)
    for (const feature of ['search', 'export', 'search']) window.count(feature)
    expect(window.end()?.attributes).toEqual({
      'graysync.use.search': 2,
      'graysync.use.export': 1,
    })
    expect(window.end()).toBeNull()
  })

  it('stays small, whatever is counted', () => {
    const window = createUseWindow(platform)
    for (let index = 0; index < 1_000; index++) window.count(`${index}`.padEnd(1_000, 'x'))
    const counts = Object.entries(window.end()?.attributes ?? {})
    expect(counts).toHaveLength(51)
    expect(counts.find(([name]) => name === 'graysync.use.other')?.[1]).toBe(950)
    expect(Math.max(...counts.map(([name]) => name.length))).toBe('graysync.use.'.length + 80)
  })
})

describe('a machine', () => {
  it('is told by what is known of it', () => {
    const { platform: present } = createDevice().tab()
    const machine = { language: 'zh-CN', mobile: true, memoryGb: null, connection: null }
    const record = toMachineRecord(present, {
      ...machine,
      ...readBrowser('Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0'),
      cores: 8,
      app: '5.7.0',
    })
    expect(record).toMatchObject({
      lane: 'exposure',
      name: 'graysync.machine',
      attributes: {
        'service.version': '5.7.0',
        'user_agent.name': 'Firefox',
        'user_agent.version': '153',
        'user_agent.os.name': 'Linux',
        'browser.language': 'zh-CN',
        'browser.mobile': true,
        'graysync.machine.cores': 8,
      },
    })
    expect(record.attributes).not.toHaveProperty('graysync.machine.memory.gb')
  })

  it.each([
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
      ['Edge', '140', 'Windows'],
    ],
    [
      'Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
      ['Chrome', '140', 'Android'],
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
      ['Safari', '18', 'iOS'],
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
      ['Safari', '18', 'macOS'],
    ],
    ['curl/8.0', [null, null, null]],
  ])('that calls itself %s is named', (userAgent, [browser, version, system]) => {
    expect(readBrowser(userAgent)).toEqual({ browser, version, system })
  })
})
