import type { Rollout } from '../../src/model/rollout.js'
import { signRollout } from '../../src/rollout/sign.js'

const { subtle } = globalThis.crypto

export interface TestKeys {
  private: JsonWebKey
  public: JsonWebKey
}

export async function makeKeys(kid = 'test'): Promise<TestKeys> {
  const pair = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])
  const [priv, pub] = await Promise.all([
    subtle.exportKey('jwk', pair.privateKey),
    subtle.exportKey('jwk', pair.publicKey),
  ])
  return { private: { ...priv, kid } as JsonWebKey, public: { ...pub, kid } as JsonWebKey }
}

/** A rollout whose only stage takes everybody; every field can be replaced. */
export function makeRollout(change: Partial<Rollout> = {}): Rollout {
  return {
    schema: 1,
    rollout: 'sync-engine',
    version: 1,
    issuedAt: 1_700_000_000_000,
    hash: { version: 1, salt: 'salt' },
    stage: 'all',
    stages: [{ name: 'all', share: 100_000 }],
    ...change,
  }
}

export function sign(keys: TestKeys, change: Partial<Rollout> = {}): Promise<string> {
  return signRollout(makeRollout(change), keys.private, subtle)
}
