import { findWrong, type Shape, type Wrong } from '../lib/check.js'
import { parseJson } from '../lib/encode.js'
import { GraySyncError } from '../model/errors.js'
import type { Rollout } from '../model/rollout.js'
import { SEGMENT } from './segment.js'

const SHARE: Shape = { is: 'an integer', from: 0, to: 100_000 }
const INSTANT: Shape = { is: 'an integer', from: 0, to: 8.64e15 - 1 }
const COUNT: Shape = { is: 'an integer', from: 0, to: 2 ** 53 - 1 }
const POSITIVE: Shape = { is: 'an integer', from: 1, to: 2 ** 53 - 1 }
const IDS: Shape = { is: 'list', of: 'text', most: 10_000 }

const STAGE: Shape = {
  is: 'record',
  has: { name: 'text', share: SHARE },
  may: {
    startAt: INSTANT,
    where: { is: 'list', of: 'text', most: 256 },
    probation: {
      is: 'record',
      may: { days: { is: 'a number', from: 0, to: 3_650 }, operations: COUNT },
    },
  },
}

const SURVEY: Shape = {
  is: 'record',
  has: { id: 'text', kind: { is: 'one', of: ['csat', 'nps'] } },
  may: {
    after: { is: 'one', of: ['start', 'switch', 'acked'] },
    count: POSITIVE,
    sample: SHARE,
    coolDownDays: { is: 'an integer', from: 0, to: 3_650 },
    most: { is: 'an integer', from: 1, to: 100 },
  },
}

const ROLLOUT: Shape = {
  is: 'record',
  has: {
    schema: { is: 'one', of: [1] },
    rollout: 'text',
    version: POSITIVE,
    issuedAt: INSTANT,
    hash: { is: 'record', has: { version: { is: 'one', of: [1] }, salt: 'text' } },
    stages: { is: 'list', of: STAGE, most: 256 },
  },
  may: {
    maxAgeMs: POSITIVE,
    onExpired: { is: 'one', of: ['keep', 'hold'] },
    kill: 'flag',
    admit: { is: 'one', of: ['open', 'held'] },
    resetEpoch: COUNT,
    onShrink: { is: 'one', of: ['keep', 'handover'] },
    segments: { is: 'list', of: SEGMENT, most: 256 },
    deny: IDS,
    allow: IDS,
    preference: { is: 'record', may: { optIn: 'flag', optOut: 'flag' } },
    holdout: SHARE,
    shadow: { is: 'record', has: { share: SHARE } },
    audit: { is: 'record', may: { intervalMs: POSITIVE, sample: SHARE } },
    telemetry: { is: 'record', may: { sample: SHARE } },
    guardrails: { is: 'record' },
    feedback: { is: 'record', may: { survey: SURVEY } },
  },
}

/**
 * Reads the payload of a verified envelope. Unknown members are kept and ignored.
 *
 * Throws `ROLLOUT_SCHEMA` that names the first wrong place as a JSON path, and what was got there.
 *
 * @example
 * const rollout = parseRollout(await verifyEnvelope(envelope, keys, crypto.subtle))
 */
export function parseRollout(bytes: Uint8Array): Rollout {
  let value: unknown
  try {
    value = parseJson(bytes)
  } catch (cause) {
    throw refused('$ must be JSON in UTF-8', cause)
  }
  const wrong = findWrong(ROLLOUT, value) ?? findWrongName(value as Rollout)
  if (!wrong) return value as Rollout
  throw refused(`$${wrong.path} must be ${wrong.want}, got ${show(wrong.got)}`)
}

function refused(why: string, cause?: unknown): GraySyncError {
  return new GraySyncError('ROLLOUT_SCHEMA', `rollout refused: ${why}`, { cause })
}

/** What one part of the document says about another. */
function findWrongName({ segments = [], stages, stage }: Rollout): Wrong | null {
  const known = new Set<string>()
  const plan = new Set<string>()
  const wrong = findTwice('.segments', segments, known) ?? findTwice('.stages', stages, plan)
  if (wrong) return wrong
  for (let at = 0; at < stages.length; at++) {
    const where = stages[at]?.where ?? []
    for (let index = 0; index < where.length; index++) {
      const got = where[index] as string
      if (known.has(got)) continue
      const want = `the name of a segment, there are: ${list(known)}`
      return { path: `.stages[${at}].where[${index}]`, want, got }
    }
  }
  if (stage === null || plan.has(stage)) return null
  return {
    path: '.stage',
    want: `null or the name of a stage, there are: ${list(plan)}`,
    got: stage,
  }
}

/** Collects the names of a list, each of which is there once. */
function findTwice(
  path: string,
  named: readonly { name: string }[],
  names: Set<string>,
): Wrong | null {
  for (let at = 0; at < named.length; at++) {
    const { name } = named[at] as { name: string }
    if (names.has(name))
      return { path: `${path}[${at}].name`, want: 'a name of its own', got: name }
    names.add(name)
  }
  return null
}

function list(names: ReadonlySet<string>): string {
  return [...names].join(', ') || 'none'
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
