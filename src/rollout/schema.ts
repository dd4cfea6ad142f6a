import {
  type Check,
  firstWrong,
  isBoolean,
  isInteger,
  isList,
  isNumber,
  isOneOf,
  isRecord,
  isText,
  satisfies,
  type Wrong,
} from '../lib/check.js'
import { GraySyncError } from '../model/errors.js'
import type { Rollout } from '../model/rollout.js'
import { checkSegment } from './segment.js'

function checkShape(): Check {
  const isShare = isInteger(0, 100_000)
  const isInstant = isInteger(0, 8.64e15 - 1)
  const isStage = isRecord(
    { name: isText, share: isShare },
    {
      startAt: isInstant,
      where: isList(isText, 256),
      probation: isRecord({}, { days: isNumber(0, 3_650), operations: isInteger(0) }),
    },
  )
  return isRecord(
    {
      schema: isOneOf(1),
      rollout: isText,
      version: isInteger(1),
      issuedAt: isInstant,
      hash: isRecord({ version: isOneOf(1), salt: isText }),
      stages: isList(isStage, 256),
    },
    {
      maxAgeMs: isInteger(1),
      onExpired: isOneOf('keep', 'hold'),
      kill: isBoolean,
      admit: isOneOf('open', 'held'),
      resetEpoch: isInteger(0),
      onShrink: isOneOf('keep', 'handover'),
      segments: isList(checkSegment(), 256),
      deny: isList(isText, 10_000),
      allow: isList(isText, 10_000),
      preference: isRecord({}, { optIn: isBoolean, optOut: isBoolean }),
      holdout: isShare,
      shadow: isRecord({ share: isShare }),
      audit: isRecord({}, { intervalMs: isInteger(1), sample: isShare }),
      telemetry: isRecord({}, { sample: isShare }),
      guardrails: isRecord({}),
      feedback: isRecord({}),
    },
  )
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
  const value = readJson(bytes)
  const wrong = checkShape()(value, '$') ?? checkNames(value as Rollout)
  if (!wrong) return value as Rollout
  throw refused(`${wrong.path} must be ${wrong.want}, got ${show(wrong.got)}`)
}

function refused(why: string, cause?: unknown): GraySyncError {
  return new GraySyncError('ROLLOUT_SCHEMA', `rollout refused: ${why}`, { cause })
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw refused('$ must be JSON in UTF-8', cause)
  }
}

/** What one part of the document says about another. */
function checkNames(rollout: Rollout): Wrong | null {
  const { segments = [], stages, stage } = rollout
  const segmentNames = segments.map(({ name }) => name)
  const stageNames = stages.map(({ name }) => name)
  const isSegmentName = satisfies(
    `the name of a segment, there are: ${segmentNames.join(', ') || 'none'}`,
    (value) => segmentNames.includes(value as string),
  )
  const isStageName = satisfies(
    `null or the name of a stage, there are: ${stageNames.join(', ') || 'none'}`,
    (value) => value === null || stageNames.includes(value as string),
  )
  return (
    checkUnique(segmentNames, 'segments') ??
    checkUnique(stageNames, 'stages') ??
    firstWrong(stages.entries(), ([at, { where = [] }]) =>
      isList(isSegmentName, where.length)(where, `$.stages[${at}].where`),
    ) ??
    isStageName(stage, '$.stage')
  )
}

function checkUnique(names: readonly string[], list: string): Wrong | null {
  const at = names.findIndex((name, index) => names.indexOf(name) !== index)
  if (at < 0) return null
  return { path: `$.${list}[${at}].name`, want: 'a name of its own', got: names[at] }
}

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
