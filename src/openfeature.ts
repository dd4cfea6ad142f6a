import {
  ErrorCode,
  type EvaluationContext,
  type FlagMetadata,
  type FlagValue,
  GeneralError,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  ProviderNotReadyError,
  type ResolutionDetails,
  StandardResolutionReasons,
} from '@openfeature/web-sdk'
import type { AttributeValue, Decision, Reason, Subject } from './model/decision.js'
import type { GraySync } from './model/handle.js'
import type { Operation } from './model/operation.js'

const { DEFAULT, DISABLED, SPLIT, STALE, STATIC, TARGETING_MATCH } = StandardResolutionReasons

/** What OpenFeature calls each of the rules. */
const STANDARD: Readonly<Record<Reason, string>> = {
  NO_ROLLOUT: DEFAULT,
  KILLED: DISABLED,
  ROLLED_BACK: DISABLED,
  UNSUPPORTED: DEFAULT,
  OVERRIDDEN: STATIC,
  DENIED: TARGETING_MATCH,
  OPTED_OUT: TARGETING_MATCH,
  ALLOWED: TARGETING_MATCH,
  OPTED_IN: TARGETING_MATCH,
  KEPT: STATIC,
  HELD_OUT: SPLIT,
  BEFORE_FIRST_STAGE: DEFAULT,
  NOT_TARGETED: DEFAULT,
  NOT_ADMITTED: DEFAULT,
  IN_SHARE: SPLIT,
  OUT_OF_SHARE: SPLIT,
}

/** The members of the handle that a provider reads and calls. */
export type Decider<Op extends Operation = Operation> = Pick<
  GraySync<Op>,
  'decision' | 'start' | 'on' | 'identify'
>

/**
 * Makes an OpenFeature web provider over the decision of a handle. The flag's key is the name of the rollout: as a string flag
 * it is the name of the engine, as a boolean flag it is true for `refactored`. The reason is OpenFeature's own, or `STALE`; the
 * metadata holds graysync's reason, version, stage, arm, share (0 to 100,000) and bucket. A changed context with a targeting
 * key identifies the subject. Closing the provider leaves the handle as it is.
 *
 * Answers `PROVIDER_NOT_READY` before the first decision, `FLAG_NOT_FOUND` for another key, `TYPE_MISMATCH` for other types.
 *
 * @example
 * await OpenFeature.setProviderAndWait(createOpenFeatureProvider(gray))
 * OpenFeature.getClient().getBooleanValue('sync-engine', false)
 */
export function createOpenFeatureProvider<Op extends Operation>(gray: Decider<Op>): Provider {
  const events = new OpenFeatureEventEmitter()
  let closed = new AbortController()
  let announced: { ready: boolean; stale: boolean } | null = null

  function announce(): void {
    const ready = gray.decision !== null
    const stale = gray.decision?.stale ?? false
    const before = announced ?? { ready, stale: false }
    announced = { ready, stale }
    if (closed.signal.aborted || !ready) return
    if (stale && !before.stale) events.emit(ProviderEvents.Stale)
    else if (!before.ready || (before.stale && !stale)) events.emit(ProviderEvents.Ready)
  }

  function change(): void {
    if (!announced) return
    const { rollout } = gray.decision ?? { rollout: null }
    announce()
    events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: rollout ? [rollout] : [] })
  }

  async function begin(context: EvaluationContext | undefined): Promise<void> {
    closed.abort()
    closed = new AbortController()
    announced = null
    const { signal } = closed
    gray.on('decided', change, { signal })
    gray.on('rolloutChanged', change, { signal })
    gray.on(
      'halted',
      ({ message }) => events.emit(ProviderEvents.Error, { message, errorCode: ErrorCode.GENERAL }),
      { signal },
    )
    if (context?.targetingKey !== undefined) await gray.identify(toSubject(context))
    const snapshot = await gray.start()
    if (gray.decision) return
    if (snapshot.phase === 'halted') throw new GeneralError(snapshot.error.message)
    throw new ProviderNotReadyError('there is no decision yet')
  }

  return {
    metadata: { name: 'graysync' },
    runsOn: 'client',
    events,
    initialize(context) {
      const begun = begin(context)
      // OpenFeature marks a provider as ready in a reaction that it adds to this promise: what is told here has to come after.
      queueMicrotask(() => void begun.then(announce, announce))
      return begun
    },
    onContextChange(before, after) {
      if (before.targetingKey === undefined && after.targetingKey === undefined) return
      return gray.identify(toSubject(after)).then(() => undefined)
    },
    async onClose() {
      closed.abort()
    },
    resolveBooleanEvaluation: (key, fallback) =>
      resolve(gray.decision, key, fallback, (engine) => engine === 'refactored'),
    resolveStringEvaluation: (key, fallback) => resolve(gray.decision, key, fallback, String),
    resolveNumberEvaluation: (key, fallback) => resolve(gray.decision, key, fallback, null),
    resolveObjectEvaluation: (key, fallback) => resolve(gray.decision, key, fallback, null),
  }
}

function resolve<T extends FlagValue>(
  decision: Decision | null,
  key: string,
  fallback: T,
  read: ((engine: string) => T) | null,
): ResolutionDetails<T> {
  const fail = (errorCode: ErrorCode, errorMessage: string): ResolutionDetails<T> => ({
    value: fallback,
    reason: StandardResolutionReasons.ERROR,
    errorCode,
    errorMessage,
  })
  if (!decision) return fail(ErrorCode.PROVIDER_NOT_READY, 'there is no decision yet')
  if (decision.rollout !== key) {
    const there = decision.rollout === null ? 'no rollout' : `the rollout "${decision.rollout}"`
    return fail(ErrorCode.FLAG_NOT_FOUND, `there is ${there}, got "${key}"`)
  }
  if (!read) return fail(ErrorCode.TYPE_MISMATCH, `"${key}" is a string or boolean flag`)
  return {
    value: read(decision.engine),
    variant: decision.engine,
    reason: decision.stale ? STALE : STANDARD[decision.reason],
    flagMetadata: describe(decision),
  }
}

function describe(decision: Decision): FlagMetadata {
  const { reason, arm, cached, stale, version, stage, share, bucket } = decision
  return {
    reason,
    arm,
    cached,
    stale,
    ...(version === null ? {} : { version: String(version) }),
    ...(stage === null ? {} : { stage }),
    ...(share === null ? {} : { share }),
    ...(bucket === null ? {} : { bucket }),
  }
}

/** Without a targeting key nobody is signed in. Nested values have no meaning in a rollout, and dates are compared as text. */
function toSubject({ targetingKey, ...attributes }: EvaluationContext): Subject | null {
  if (targetingKey === undefined) return null
  const known: Record<string, AttributeValue> = {}
  for (const [name, value] of Object.entries(attributes)) {
    const plain = toAttribute(value)
    if (plain !== undefined) known[name] = plain
  }
  return { id: targetingKey, attributes: known }
}

function toAttribute(value: EvaluationContext[string]): AttributeValue | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : undefined
    case 'object':
      break
    default:
      return undefined
  }
  if (value === null) return null
  if (isInstant(value)) return Number.isNaN(value.valueOf()) ? undefined : value.toISOString()
  const isTexts = Array.isArray(value) && value.every((entry) => typeof entry === 'string')
  return isTexts ? value : undefined
}

function isInstant(value: object): value is { toISOString(): string } {
  return 'toISOString' in value && typeof value.toISOString === 'function'
}
