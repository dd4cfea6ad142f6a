import type { Decision, Reason } from '../model/decision.js'
import type { Platform } from '../model/platform.js'
import type { Telling } from '../model/record.js'
import { makeRecord } from './record.js'

/** What OpenTelemetry's conventions for feature flags call each of the rules. */
const STANDARD: Readonly<Record<Reason, string>> = {
  NO_ROLLOUT: 'default',
  KILLED: 'disabled',
  ROLLED_BACK: 'disabled',
  UNSUPPORTED: 'default',
  OVERRIDDEN: 'static',
  DENIED: 'targeting_match',
  OPTED_OUT: 'targeting_match',
  ALLOWED: 'targeting_match',
  OPTED_IN: 'targeting_match',
  KEPT: 'static',
  HELD_OUT: 'split',
  BEFORE_FIRST_STAGE: 'default',
  NOT_TARGETED: 'default',
  NOT_ADMITTED: 'default',
  IN_SHARE: 'split',
  OUT_OF_SHARE: 'split',
}

/** Tells each different decision once a session; `null` for one that was told already. */
export function createExposures(
  platform: Pick<Platform, 'now'>,
): (decision: Decision) => Telling | null {
  const told = new Set<string>()
  return (decision) => {
    const key = toExposureKey(decision)
    if (told.has(key)) return null
    told.add(key)
    return makeRecord(platform, 'exposure', 'feature_flag.evaluation', {
      'feature_flag.provider.name': 'graysync',
      'feature_flag.result.variant': decision.engine,
      'feature_flag.result.reason': decision.stale ? 'stale' : STANDARD[decision.reason],
      'graysync.reason': decision.reason,
      ...(decision.rollout !== null && { 'feature_flag.key': decision.rollout }),
      ...(decision.version !== null && { 'feature_flag.version': String(decision.version) }),
    })
  }
}

function toExposureKey({ rollout, version, stage, engine, reason, arm, stale }: Decision): string {
  return JSON.stringify([rollout, version, stage, engine, reason, arm, stale])
}
