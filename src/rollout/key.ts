import { GraySyncError } from '../model/errors.js'

export interface Algorithm {
  /** As the header of an envelope names it. */
  name: 'ES256' | 'EdDSA'
  /** As WebCrypto takes it, for import and for use. */
  params: { name: string; namedCurve?: string; hash?: string }
}

/** A published key has an id; TypeScript's type forgets it. */
export type KeyWithId = JsonWebKey & { kid?: unknown }

const ALGORITHMS: readonly (Algorithm & { kty: string; crv: string; alsoNamed?: string })[] = [
  {
    kty: 'EC',
    crv: 'P-256',
    name: 'ES256',
    params: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  },
  {
    kty: 'OKP',
    crv: 'Ed25519',
    name: 'EdDSA',
    // Newer browsers export keys with the name that RFC 9864 gives.
    alsoNamed: 'Ed25519',
    params: { name: 'Ed25519' },
  },
]

/** The one algorithm of a key: what an envelope says about it is never asked. */
export function algorithmOf(key: JsonWebKey): Algorithm {
  const found = ALGORITHMS.find(({ kty, crv }) => kty === key.kty && crv === key.crv)
  const { alg } = key
  if (!found || (alg !== undefined && alg !== found.name && alg !== found.alsoNamed)) {
    throw new GraySyncError(
      'ROLLOUT_SIGNATURE',
      `a key must be P-256 for ES256 or Ed25519 for EdDSA, got ${key.kty} ${key.crv} ${alg ?? ''}`.trim(),
    )
  }
  return found
}
