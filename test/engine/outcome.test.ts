import { describe, expect, it } from 'vitest'
import {
  blames,
  blamesAnswer,
  toAnswerFingerprint,
  toFingerprint,
} from '../../src/engine/outcome.js'
import type { Answer } from '../../src/engine/transport.js'
import { type ErrorCode, GraySyncError } from '../../src/model/errors.js'

const answer = (method: string, status: number, outcome: string | null = null) =>
  ({
    method,
    isWrite: method.startsWith('P'),
    status,
    outcome,
    url: 'https://x.test/api/notes/4711?q=1',
  }) as Answer

describe('an answer', () => {
  it.each([401, 403, 408, 409, 412, 425, 429])(
    'of %i is what an engine in good order is told',
    (status) => {
      expect(blamesAnswer(answer('POST', status))).toBe(false)
    },
  )

  it.each([
    ['POST', 400, true],
    ['PUT', 422, true],
    ['GET', 404, false],
    ['HEAD', 404, false],
    ['POST', 399, false],
    ['POST', 200, false],
    ['GET', 499, false],
    ['GET', 500, true],
    ['HEAD', 503, true],
    ['POST', 500, true],
  ] as const)('to %s of %i speaks against the engine: %s', (method, status, expected) => {
    expect(blamesAnswer(answer(method, status))).toBe(expected)
  })

  it('that says what became of the operation is believed, whatever its status', () => {
    expect(blamesAnswer(answer('POST', 200, 'conflict'))).toBe(true)
    expect(blamesAnswer(answer('POST', 500, 'fenced'))).toBe(false)
  })

  it('is the same fault at each operation of one path', () => {
    const of = (url: string) => toAnswerFingerprint({ ...answer('POST', 500), url })
    expect(of('https://x.test/api/notes/4711?q=1')).toBe('POST 500 /api/notes/0')
    expect(of('https://x.test/api/notes/12')).toBe(of('https://x.test/api/notes/4711'))
    expect(of('https://x.test/api/cards/12')).not.toBe(of('https://x.test/api/notes/12'))
  })
})

describe('what an engine threw', () => {
  it.each<[ErrorCode, boolean]>([
    ['FENCED', false],
    ['SUSPENDED', false],
    ['CLOSED', false],
    ['NETWORK', false],
    ['QUOTA', false],
    ['STORE', false],
    ['ENGINE_START', true],
    ['ENGINE_TIMEOUT', true],
  ])('as %s speaks against it: %s', (code, expected) => {
    expect(blames(new GraySyncError(code, 'x'))).toBe(expected)
  })

  it.each<[string, unknown, boolean]>([
    ['a text', 'broken', true],
    ['nothing', null, true],
    ['nothing defined', undefined, true],
    ['an error', new Error('fetch failed'), true],
    ['a fault of its code', new TypeError('x is not a function'), true],
    ['what Chromium says of a network that is gone', new TypeError('Failed to fetch'), false],
    ['what Safari says of it', new TypeError('Load failed'), false],
    ['what Firefox says of it', new TypeError('NetworkError when attempting'), false],
    ['an end by its caller', new DOMException('x', 'AbortError'), false],
    ['a full disk', new DOMException('x', 'QuotaExceededError'), false],
    ['a network that is gone', new DOMException('x', 'NetworkError'), false],
    ['a broken store', new DOMException('x', 'DataError'), true],
    ['the answer to a user who signed out', { status: 401, message: 'JWT expired' }, false],
    ['an answer', { status: 400, message: 'bad' }, true],
    ['a status that is a text', { status: '401', message: 'bad' }, true],
  ])('as %s', (_, cause, expected) => {
    expect(blames(cause)).toBe(expected)
    expect(blames(new GraySyncError('ENGINE_START', 'x', { cause }))).toBe(
      cause === undefined ? true : expected,
    )
    expect(blames(new GraySyncError('STORE', 'x', { cause }))).toBe(false)
  })

  it('is the same fault with other numbers and ids, and by its cause', () => {
    const same = 'Error: no row 0 in 0'
    expect(toFingerprint(new Error('no row 17 in 3'))).toBe(same)
    expect(toFingerprint(new Error('no row 018bcfe5-6800-7a8b in 12'))).toBe(same)
    const cause = new Error('no row 1 in 2')
    expect(toFingerprint(new GraySyncError('ENGINE_START', 'op 1', { cause }))).toBe(same)
    expect(toFingerprint(new GraySyncError('ENGINE_START', 'op 1'))).toContain('op 0')
    expect(toFingerprint(new Error('a bad face'))).toBe('Error: a bad face')
    expect(toFingerprint('x'.repeat(300))).toHaveLength(200)
  })
})
