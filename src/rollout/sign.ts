import { toBase64url } from '../lib/base64url.js'
import { utf8 } from '../lib/encode.js'
import { GraySyncError } from '../model/errors.js'
import type { Rollout } from '../model/rollout.js'
import { algorithmOf, type KeyWithId } from './key.js'
import { parseRollout } from './schema.js'
import { MAX_ENVELOPE_BYTES } from './verify.js'

/**
 * Signs a rollout with a private key (JWK with `kid`, P-256 or Ed25519) and answers the envelope (JWS compact) to publish.
 *
 * Throws `ROLLOUT_SCHEMA` for a rollout that no client would take, `ROLLOUT_SIZE` above 256 KiB, `ROLLOUT_SIGNATURE` for a key
 * that can't sign.
 *
 * @example
 * await fetch(url, { method: 'PUT', body: await signRollout(rollout, privateKey, crypto.subtle) })
 */
export async function signRollout(
  rollout: Rollout,
  key: JsonWebKey,
  subtle: SubtleCrypto,
): Promise<string> {
  const payload = utf8(JSON.stringify(rollout))
  parseRollout(payload)
  const { name, params } = algorithmOf(key)
  const { kid } = key as KeyWithId
  if (typeof kid !== 'string') {
    throw unusable(`a key needs a kid, got ${JSON.stringify(kid)}`)
  }
  const head = toBase64url(utf8(JSON.stringify({ alg: name, kid })))
  const signed = `${head}.${toBase64url(payload)}`
  const signature = await signWith(key, params, utf8(signed), subtle)
  const envelope = `${signed}.${toBase64url(signature)}`
  if (envelope.length > MAX_ENVELOPE_BYTES) {
    throw new GraySyncError(
      'ROLLOUT_SIZE',
      `an envelope has at most ${MAX_ENVELOPE_BYTES} bytes, got ${envelope.length}`,
    )
  }
  return envelope
}

async function signWith(
  key: JsonWebKey,
  params: ReturnType<typeof algorithmOf>['params'],
  signed: Uint8Array<ArrayBuffer>,
  subtle: SubtleCrypto,
): Promise<Uint8Array> {
  try {
    const privateKey = await subtle.importKey('jwk', key, params, false, ['sign'])
    return new Uint8Array(await subtle.sign(params, privateKey, signed))
  } catch (cause) {
    throw unusable("this key can't sign", cause)
  }
}

function unusable(why: string, cause?: unknown): GraySyncError {
  return new GraySyncError('ROLLOUT_SIGNATURE', why, { cause })
}
