import { fromBase64url } from '../lib/base64url.js'
import { parseJson, utf8 } from '../lib/encode.js'
import { GraySyncError } from '../model/errors.js'
import { algorithmOf, type KeyWithId } from './key.js'

/** Of an envelope, as it travels. */
export const MAX_ENVELOPE_BYTES: number = 256 * 1024

const imported = new WeakMap<JsonWebKey, Promise<CryptoKey>>()

/**
 * Checks a signed document (JWS compact) against the pinned public keys and answers the bytes that were signed, unparsed.
 * The algorithm is the one of the key whose `kid` the envelope names: ES256 for P-256, EdDSA for Ed25519.
 *
 * Throws `ROLLOUT_SIZE` above 256 KiB, else `ROLLOUT_SIGNATURE`.
 *
 * @example
 * const rollout = parseRollout(await verifyEnvelope(envelope, [publicKey], crypto.subtle))
 */
export async function verifyEnvelope(
  envelope: string,
  keys: readonly JsonWebKey[],
  subtle: SubtleCrypto,
): Promise<Uint8Array> {
  if (envelope.length > MAX_ENVELOPE_BYTES) {
    throw new GraySyncError(
      'ROLLOUT_SIZE',
      `an envelope has at most ${MAX_ENVELOPE_BYTES} bytes, got ${envelope.length}`,
    )
  }
  const parts = envelope.split('.')
  const [head = '', payload = '', tail = ''] = parts
  const [header, bytes, signature] = [head, payload, tail].map(fromBase64url)
  if (parts.length !== 3 || !header || !bytes || !signature) {
    throw refused('not three base64url parts with dots between')
  }
  const key = pick(readHeader(header), keys)
  const signed = utf8(`${head}.${payload}`)
  if (!(await check(key, signature, signed, subtle))) throw refused('the signature is wrong')
  return bytes
}

function refused(why: string, cause?: unknown): GraySyncError {
  return new GraySyncError('ROLLOUT_SIGNATURE', `envelope refused: ${why}`, { cause })
}

function readHeader(bytes: Uint8Array): Record<string, unknown> {
  try {
    const header = parseJson(bytes)
    if (typeof header === 'object' && header !== null) return header as Record<string, unknown>
  } catch (cause) {
    throw refused('the header is no JSON', cause)
  }
  throw refused('the header is no object')
}

function pick(header: Record<string, unknown>, keys: readonly KeyWithId[]): JsonWebKey {
  const { alg, kid, crit } = header
  if (crit !== undefined) throw refused('it has critical headers, and none is known')
  const key = typeof kid === 'string' ? keys.find((pinned) => pinned.kid === kid) : undefined
  if (!key) {
    const ids = keys.map((pinned) => pinned.kid).join(', ')
    throw refused(`no pinned key is named ${JSON.stringify(kid)}, there are: ${ids || 'none'}`)
  }
  const expected = algorithmOf(key).name
  if (alg !== expected) {
    throw refused(`key ${JSON.stringify(kid)} signs with ${expected}, got ${JSON.stringify(alg)}`)
  }
  return key
}

async function check(
  key: JsonWebKey,
  signature: Uint8Array<ArrayBuffer>,
  signed: Uint8Array<ArrayBuffer>,
  subtle: SubtleCrypto,
): Promise<boolean> {
  const { params } = algorithmOf(key)
  try {
    const publicKey = imported.get(key) ?? importKey(key, subtle)
    imported.set(key, publicKey)
    return await subtle.verify(params, await publicKey, signature, signed)
  } catch (cause) {
    imported.delete(key)
    throw refused("this key can't be used here", cause)
  }
}

function importKey(key: JsonWebKey, subtle: SubtleCrypto): Promise<CryptoKey> {
  const { kty, crv, x, y } = key
  // Only the public members count, so that a pinned private key never grants more.
  const members = Object.entries({ kty, crv, x, y }).filter(([, value]) => value !== undefined)
  return subtle.importKey('jwk', Object.fromEntries(members), algorithmOf(key).params, false, [
    'verify',
  ])
}
