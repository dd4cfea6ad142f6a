import {
  type Check,
  isInteger,
  isList,
  isOneOf,
  isRecord,
  isText,
  satisfies,
} from '../lib/check.js'
import { GraySyncError } from '../model/errors.js'
import type { GraySyncOptions } from '../model/handle.js'
import type { Operation } from '../model/operation.js'

const isFunction = satisfies('a function', (value) => typeof value === 'function')
export const isEngineName: Check = isOneOf('legacy', 'refactored')
export const isConsent: Check = isOneOf('granted', 'pending', 'denied')
const isFlag = satisfies('true or false', (value) => typeof value === 'boolean')

const isAttribute = satisfies(
  'a text, number, boolean, null or list of texts',
  (value) =>
    value === null ||
    ['string', 'number', 'boolean'].includes(typeof value) ||
    (Array.isArray(value) && value.every((item) => typeof item === 'string')),
)

const isAttributes: Check = (value, path) => {
  const wrong = isRecord({})(value, path)
  if (wrong) return wrong
  for (const [name, held] of Object.entries(value as object)) {
    const bad = isAttribute(held, `${path}.${name}`)
    if (bad) return bad
  }
  return null
}

const isSubject = isRecord({ id: isText }, { attributes: isAttributes })

const isSource = isRecord({
  name: isText,
  tables: isList(isText, 1_000),
  page: isFunction,
  get: isFunction,
})

const isQueue = isRecord(
  { size: isFunction },
  {
    exporter: isRecord({ read: isFunction, seal: isFunction }),
    importer: isRecord({ stage: isFunction, activate: isFunction, discard: isFunction }),
  },
)

const isEngine = isRecord(
  { version: isText, start: isFunction },
  {
    knows: isFunction,
    queue: isQueue,
    data: isSource,
    store: isRecord({ hydrate: isFunction, apply: isFunction, clear: isFunction }),
    replay: isOneOf('keyed', 'versioned', 'unsafe'),
  },
)

const isKey = isRecord({ kty: isOneOf('EC', 'OKP'), kid: isText, crv: isText, x: isText })

const CHECK = isRecord(
  { app: isRecord({ name: isText, version: isText }) },
  {
    rollout: isRecord(
      { keys: isList(isKey, 2) },
      {
        url: isText,
        streamUrl: isText,
        bootstrap: isText,
        refreshMs: isInteger(1_000, 86_400_000),
      },
    ),
    engines: isRecord({ legacy: isEngine }, { refactored: isEngine }),
    subject: (value, path) => (value === null ? null : isSubject(value, path)),
    sink: isRecord({ send: isFunction }, { sendFile: isFunction, erase: isFunction }),
    compare: isRecord({ tables: isRecord({}) }),
    consent: isConsent,
    startTimeoutMs: isInteger(1, 60_000),
    adoptNullUser: isFunction,
    keepBackupsOnLogout: isFlag,
    override: isEngineName,
  },
)

/** Throws OPTION, naming the field and what was got. */
export function checkOptions<Op extends Operation>(options: GraySyncOptions<Op>): void {
  insist(CHECK, options, 'options')
}

export function checkSubject(subject: unknown): void {
  if (subject !== null) insist(isSubject, subject, 'subject')
}

export function insist(check: Check, value: unknown, path: string): void {
  const wrong = check(value, path)
  if (wrong) {
    throw new GraySyncError(
      'OPTION',
      `${wrong.path}: ${wrong.want} is needed, got ${show(wrong.got)}`,
    )
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
