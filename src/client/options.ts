import { findWrong, type Shape, type Wrong, within } from '../lib/check.js'
import { GraySyncError } from '../model/errors.js'
import type { GraySyncOptions } from '../model/handle.js'
import type { Operation } from '../model/operation.js'

const FUNCTION: Shape = { is: 'such', want: 'a function', that: isFunction }
export const ENGINE_NAME: Shape = { is: 'one', of: ['legacy', 'refactored'] }
export const CONSENT: Shape = { is: 'one', of: ['granted', 'pending', 'denied'] }

const ATTRIBUTE: Shape = {
  is: 'such',
  want: 'a text, number, boolean, null or list of texts',
  that: isAttribute,
}

const SUBJECT: Shape = {
  is: 'record',
  has: { id: 'text' },
  may: { attributes: findWrongAttribute },
}

const SOURCE: Shape = {
  is: 'record',
  has: {
    name: 'text',
    tables: { is: 'list', of: 'text', most: 1_000 },
    page: FUNCTION,
    get: FUNCTION,
  },
}

const QUEUE: Shape = {
  is: 'record',
  has: { size: FUNCTION },
  may: {
    exporter: { is: 'record', has: { read: FUNCTION, seal: FUNCTION } },
    importer: { is: 'record', has: { stage: FUNCTION, activate: FUNCTION, discard: FUNCTION } },
  },
}

const ENGINE: Shape = {
  is: 'record',
  has: { version: 'text', start: FUNCTION },
  may: {
    knows: FUNCTION,
    queue: QUEUE,
    data: SOURCE,
    store: { is: 'record', has: { hydrate: FUNCTION, apply: FUNCTION, clear: FUNCTION } },
    replay: { is: 'one', of: ['keyed', 'versioned', 'unsafe'] },
  },
}

const KEY: Shape = {
  is: 'record',
  has: { kty: { is: 'one', of: ['EC', 'OKP'] }, kid: 'text', crv: 'text', x: 'text' },
}

const OPTIONS: Shape = {
  is: 'record',
  has: { app: { is: 'record', has: { name: 'text', version: 'text' } } },
  may: {
    rollout: {
      is: 'record',
      has: { keys: { is: 'list', of: KEY, most: 2 } },
      may: {
        url: 'text',
        streamUrl: 'text',
        bootstrap: 'text',
        refreshMs: { is: 'an integer', from: 1_000, to: 86_400_000 },
      },
    },
    engines: { is: 'record', has: { legacy: ENGINE }, may: { refactored: ENGINE } },
    subject: findWrongSubject,
    sink: { is: 'record', has: { send: FUNCTION }, may: { sendFile: FUNCTION, erase: FUNCTION } },
    server: SOURCE,
    compare: { is: 'record', has: { tables: { is: 'record' } } },
    consent: CONSENT,
    startTimeoutMs: { is: 'an integer', from: 1, to: 60_000 },
    adoptNullUser: FUNCTION,
    keepBackupsOnLogout: 'flag',
    override: ENGINE_NAME,
  },
}

/** Throws OPTION, naming the field and what was got. */
export function checkOptions<Op extends Operation>(options: GraySyncOptions<Op>): void {
  insist(OPTIONS, options, 'options')
}

export function checkSubject(subject: unknown): void {
  insist(findWrongSubject, subject, 'subject')
}

export function insist(shape: Shape, value: unknown, path: string): void {
  const wrong = findWrong(shape, value)
  if (!wrong) return
  const { want, got } = wrong
  throw new GraySyncError('OPTION', `${path}${wrong.path}: ${want} is needed, got ${show(got)}`)
}

/** `null` is the installation as a subject. */
function findWrongSubject(value: unknown): Wrong | null {
  return value === null ? null : findWrong(SUBJECT, value)
}

function findWrongAttribute(value: unknown): Wrong | null {
  const wrong = findWrong({ is: 'record' }, value)
  if (wrong) return wrong
  for (const [name, held] of Object.entries(value as object)) {
    const bad = findWrong(ATTRIBUTE, held)
    if (bad) return within(`.${name}`, bad)
  }
  return null
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function isAttribute(value: unknown): boolean {
  return (
    value === null ||
    ['string', 'number', 'boolean'].includes(typeof value) ||
    (Array.isArray(value) && value.every((item) => typeof item === 'string'))
  )
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
