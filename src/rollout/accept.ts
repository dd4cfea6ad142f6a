import { GraySyncError } from '../model/errors.js'
import type { Rollout } from '../model/rollout.js'
import { parseRollout } from './schema.js'
import { verifyEnvelope } from './verify.js'

interface Terms {
  keys: readonly JsonWebKey[]
  subtle: SubtleCrypto
  /** The rollout at hand: a follower keeps its name, its hash and its salt. */
  present: Rollout | null
  /** The highest version that this profile has taken. */
  highest: number
}

/** Reads a document that may be used here, or throws what is wrong with it. */
export async function acceptEnvelope(envelope: string, terms: Terms): Promise<Rollout> {
  const rollout = parseRollout(await verifyEnvelope(envelope, terms.keys, terms.subtle))
  if (rollout.version < terms.highest) {
    throw new GraySyncError(
      'ROLLOUT_REPLAY',
      `version ${terms.highest} was seen, got the older ${rollout.version}`,
    )
  }
  if (terms.present) refuseReshuffle(terms.present, rollout)
  return rollout
}

/** Another name or salt would deal all subjects anew. */
function refuseReshuffle(present: Rollout, next: Rollout): void {
  const members = [
    ['$.rollout', present.rollout, next.rollout],
    ['$.hash.version', present.hash.version, next.hash.version],
    ['$.hash.salt', present.hash.salt, next.hash.salt],
  ] as const
  for (const [path, was, got] of members) {
    if (was === got) continue
    const [a, b] = [JSON.stringify(was), JSON.stringify(got)]
    throw new GraySyncError('ROLLOUT_SCHEMA', `${path}: can't change from ${a}, got ${b}`)
  }
}
