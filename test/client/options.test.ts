import { describe, expect, it } from 'vitest'
import type { GraySyncOptions } from '../../src/model/handle.js'
import type { Operation } from '../../src/model/operation.js'
import { createTestClient, createWorld } from '../../src/testing.js'

const start = () => undefined
const app = { name: 'test', version: '1' }
const legacy = { version: '1', start }
const key = { kty: 'EC', crv: 'P-256', kid: 'k', x: 'x', y: 'y' }
const source = { name: 's', tables: ['t'], page: start, get: start }
const withEngine = (engine: object) => ({ app, engines: { legacy: engine } })

/** Every field of the options, wrong once: the options, the path that the error names, and what it says was got. */
const WRONG: [string, unknown, string][] = [
  ['options', undefined, 'undefined'],
  ['options', 'text', '"text"'],
  ['options.app', {}, 'undefined'],
  ['options.app.name', { app: { name: '', version: '1' } }, '""'],
  ['options.app.version', { app: { name: 'a', version: 1 } }, '1'],
  ['options.rollout', { app, rollout: 'url' }, '"url"'],
  ['options.rollout.keys', { app, rollout: {} }, 'undefined'],
  ['options.rollout.keys', { app, rollout: { keys: key } }, 'an object'],
  ['options.rollout.keys', { app, rollout: { keys: [key, key, key] } }, '"3 members"'],
  ['options.rollout.keys[0]', { app, rollout: { keys: ['pem'] } }, '"pem"'],
  ['options.rollout.keys[0].kty', { app, rollout: { keys: [{ ...key, kty: 'RSA' }] } }, '"RSA"'],
  ['options.rollout.keys[0].kid', { app, rollout: { keys: [{ ...key, kid: '' }] } }, '""'],
  ['options.rollout.keys[0].crv', { app, rollout: { keys: [{ ...key, crv: 1 }] } }, '1'],
  ['options.rollout.keys[0].x', { app, rollout: { keys: [{ ...key, x: null }] } }, 'null'],
  ['options.rollout.url', { app, rollout: { keys: [key], url: 7 } }, '7'],
  ['options.rollout.streamUrl', { app, rollout: { keys: [key], streamUrl: '' } }, '""'],
  ['options.rollout.bootstrap', { app, rollout: { keys: [key], bootstrap: {} } }, 'an object'],
  ['options.rollout.refreshMs', { app, rollout: { keys: [key], refreshMs: 10 } }, '10'],
  ['options.engines', { app, engines: legacy.start }, 'a function'],
  ['options.engines.legacy', { app, engines: {} }, 'undefined'],
  ['options.engines.legacy.version', withEngine({ start }), 'undefined'],
  ['options.engines.legacy.start', withEngine({ version: '1' }), 'undefined'],
  ['options.engines.legacy.knows', withEngine({ ...legacy, knows: true }), 'true'],
  ['options.engines.legacy.replay', withEngine({ ...legacy, replay: 'safe' }), '"safe"'],
  ['options.engines.legacy.queue', withEngine({ ...legacy, queue: [] }), 'a list'],
  ['options.engines.legacy.queue.size', withEngine({ ...legacy, queue: {} }), 'undefined'],
  [
    'options.engines.legacy.queue.exporter.seal',
    withEngine({ ...legacy, queue: { size: start, exporter: { read: start } } }),
    'undefined',
  ],
  [
    'options.engines.legacy.queue.exporter.read',
    withEngine({ ...legacy, queue: { size: start, exporter: { seal: start } } }),
    'undefined',
  ],
  ...['stage', 'activate', 'discard'].map((member): [string, unknown, string] => [
    `options.engines.legacy.queue.importer.${member}`,
    withEngine({
      ...legacy,
      queue: {
        size: start,
        importer: { stage: start, activate: start, discard: start, [member]: 1 },
      },
    }),
    '1',
  ]),
  ...['name', 'tables', 'page', 'get'].map((member): [string, unknown, string] => [
    `options.engines.legacy.data.${member}`,
    withEngine({ ...legacy, data: { ...source, [member]: null } }),
    'null',
  ]),
  ...['hydrate', 'apply', 'clear'].map((member): [string, unknown, string] => [
    `options.engines.legacy.store.${member}`,
    withEngine({ ...legacy, store: { hydrate: start, apply: start, clear: start, [member]: {} } }),
    'an object',
  ]),
  ['options.engines.refactored', { app, engines: { legacy, refactored: 1 } }, '1'],
  ['options.subject', { app, subject: 'ann' }, '"ann"'],
  ['options.subject.id', { app, subject: { id: '' } }, '""'],
  ['options.subject.attributes', { app, subject: { id: 'a', attributes: [] } }, 'a list'],
  [
    'options.subject.attributes.plan',
    { app, subject: { id: 'a', attributes: { plan: {} } } },
    'an object',
  ],
  ['options.sink', { app, sink: 'url' }, '"url"'],
  ['options.sink.send', { app, sink: {} }, 'undefined'],
  ['options.sink.sendFile', { app, sink: { send: start, sendFile: 1 } }, '1'],
  ['options.sink.erase', { app, sink: { send: start, erase: 1 } }, '1'],
  ['options.compare', { app, compare: [] }, 'a list'],
  ['options.compare.tables', { app, compare: {} }, 'undefined'],
  ['options.consent', { app, consent: 'yes' }, '"yes"'],
  ['options.startTimeoutMs', { app, startTimeoutMs: 0 }, '0'],
  ['options.adoptNullUser', { app, adoptNullUser: true }, 'true'],
  ['options.keepBackupsOnLogout', { app, keepBackupsOnLogout: 'no' }, '"no"'],
  ['options.override', { app, override: 'next' }, '"next"'],
]

describe('createGraySync', () => {
  it.each(WRONG)('refuses wrong %s and names it', (path, options, got) => {
    const make = () =>
      createTestClient(
        options as GraySyncOptions<Operation>,
        createWorld({ indexedDB: null }).tab(),
      )
    expect(make).toThrow(
      expect.objectContaining({
        code: 'OPTION',
        message: expect.stringMatching(new RegExp(`^${quote(path)}: .+, got ${quote(got)}$`)),
      }),
    )
  })

  it('takes the smallest and the fullest options', () => {
    const full = {
      app,
      rollout: { keys: [key, key], url: '/r', streamUrl: '/s', bootstrap: 'x', refreshMs: 60_000 },
      engines: { legacy: { ...legacy, replay: 'keyed' }, refactored: legacy },
      subject: { id: 'a', attributes: { plan: 'pro', age: 3, beta: true, no: null, list: ['a'] } },
      consent: 'granted',
      startTimeoutMs: 100,
      keepBackupsOnLogout: true,
      override: 'legacy',
    } as unknown as GraySyncOptions<Operation>
    for (const options of [{ app }, full]) {
      const gray = createTestClient(options, createWorld({ indexedDB: null }).tab())
      expect(gray.getSnapshot().phase).toBe('idle')
    }
  })
})

function quote(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
