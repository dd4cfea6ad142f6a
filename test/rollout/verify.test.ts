import { CompactSign, compactVerify, importJWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '../../src/lib/base64url.js'
import { utf8 } from '../../src/lib/encode.js'
import { isGraySyncError } from '../../src/model/errors.js'
import { parseRollout, signRollout, verifyEnvelope } from '../../src/rollout.js'
import { fullRollout } from '../support/documents.js'

const { subtle } = crypto

interface Pair {
  private: JsonWebKey
  public: JsonWebKey
}

const CURVES = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  EdDSA: { name: 'Ed25519' },
}

async function makePair(alg: keyof typeof CURVES, kid: string): Promise<Pair> {
  const pair = (await subtle.generateKey(CURVES[alg], true, ['sign', 'verify'])) as CryptoKeyPair
  const [secret, open] = await Promise.all([
    subtle.exportKey('jwk', pair.privateKey),
    subtle.exportKey('jwk', pair.publicKey),
  ])
  return { private: { ...secret, kid } as JsonWebKey, public: { ...open, kid } as JsonWebKey }
}

async function refusal(run: Promise<unknown>): Promise<string> {
  try {
    await run
  } catch (error) {
    if (isGraySyncError(error)) return `${error.code}: ${error.message}`
    throw error
  }
  throw new Error('it was taken')
}

const rollout = fullRollout()
const verify = (envelope: string, ...keys: JsonWebKey[]): Promise<Uint8Array> =>
  verifyEnvelope(envelope, keys, subtle)

describe.each(['ES256', 'EdDSA'] as const)('an envelope signed with %s', (alg) => {
  let keys: Pair
  let other: Pair
  let envelope: string

  beforeAll(async () => {
    keys = await makePair(alg, 'a')
    other = await makePair(alg, 'b')
    envelope = await signRollout(rollout, keys.private, subtle)
  })

  test('gives back the rollout that was signed', async () => {
    expect(parseRollout(await verify(envelope, keys.public))).toEqual(rollout)
  })

  test('is a JWS that jose verifies', async () => {
    const { payload, protectedHeader } = await compactVerify(
      envelope,
      await importJWK({ ...keys.public } as never, alg),
    )
    expect(JSON.parse(new TextDecoder().decode(payload))).toEqual(rollout)
    expect(protectedHeader).toEqual({ alg, kid: 'a' })
  })

  test('may be signed by jose', async () => {
    const signed = await new CompactSign(utf8(JSON.stringify(rollout)))
      .setProtectedHeader({ alg, kid: 'a', typ: 'rollout+jwt' })
      .sign(await importJWK({ ...keys.private } as never, alg))
    expect(parseRollout(await verify(signed, keys.public))).toEqual(rollout)
  })

  test('is found by the kid among the keys of a rotation', async () => {
    const next = await signRollout(rollout, other.private, subtle)
    for (const one of [envelope, next]) {
      await expect(verify(one, keys.public, other.public)).resolves.toBeInstanceOf(Uint8Array)
    }
    expect(await refusal(verify(envelope, other.public))).toBe(
      'ROLLOUT_SIGNATURE: envelope refused: no pinned key is named "a", there are: b',
    )
    expect(await refusal(verify(envelope))).toContain('there are: none')
  })

  test('is refused when the key of that kid is another one', async () => {
    const impostor = { ...other.public, kid: 'a' } as JsonWebKey
    expect(await refusal(verify(envelope, impostor))).toContain('the signature is wrong')
  })

  test('is refused when any one character is another', async () => {
    for (let at = 0; at < envelope.length; at += 7) {
      const swapped = envelope[at] === 'A' ? 'B' : 'A'
      const tampered = envelope.slice(0, at) + swapped + envelope.slice(at + 1)
      expect(await refusal(verify(tampered, keys.public))).toMatch(/^ROLLOUT_SIGNATURE/)
    }
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      const tampered = envelope.slice(0, -1) + last
      if (tampered === envelope) continue
      expect(await refusal(verify(tampered, keys.public))).toMatch(/^ROLLOUT_SIGNATURE/)
    }
  })

  test('is refused when the payload is swapped for another signed one', async () => {
    const other = await signRollout({ ...rollout, kill: true }, keys.private, subtle)
    const [head, , tail] = envelope.split('.')
    const mixed = [head, other.split('.')[1], tail].join('.')
    expect(await refusal(verify(mixed, keys.public))).toContain('the signature is wrong')
  })

  test.each([
    ['none', { alg: 'none', kid: 'a' }],
    ['a MAC keyed by the public key', { alg: 'HS256', kid: 'a' }],
    ['the other curve', { alg: alg === 'ES256' ? 'EdDSA' : 'ES256', kid: 'a' }],
    ['no algorithm', { kid: 'a' }],
  ])('is refused when its header claims %s', async (_, header) => {
    const [, payload, tail] = envelope.split('.')
    const forged = [toBase64url(utf8(JSON.stringify(header))), payload, tail].join('.')
    expect(await refusal(verify(forged, keys.public))).toContain(`key "a" signs with ${alg}, got`)
    const bare = [toBase64url(utf8(JSON.stringify(header))), payload, ''].join('.')
    expect(await refusal(verify(bare, keys.public))).toContain(`key "a" signs with ${alg}, got`)
  })

  test.each([
    ['no kid', (alg: string) => ({ alg }), 'no pinned key is named undefined'],
    ['a kid that is no text', (alg: string) => ({ alg, kid: ['a'] }), 'no pinned key is named'],
    [
      'critical extensions',
      (alg: string) => ({ alg, kid: 'a', crit: ['b64'], b64: false }),
      'critical headers',
    ],
    ['no object', () => 'a', 'the header is no object'],
    ['null', () => null, 'the header is no object'],
  ])('is refused when its header has %s', async (_, header, why) => {
    const head = toBase64url(utf8(JSON.stringify(header(alg))))
    const forged = [head, ...envelope.split('.').slice(1)].join('.')
    expect(await refusal(verify(forged, keys.public))).toContain(why)
  })

  test.each([
    ['empty', () => ''],
    ['two parts', (whole: string) => whole.split('.').slice(0, 2).join('.')],
    ['four parts', (whole: string) => `${whole}.`],
    ['with padding', (whole: string) => `${whole}==`],
    ['with a line break', (whole: string) => `${whole}\n`],
    ['JSON in place of JWS', () => '{"payload":"e30"}'],
  ])('is refused when it is %s', async (_, change) => {
    expect(await refusal(verify(change(envelope), keys.public))).toContain(
      'not three base64url parts',
    )
  })

  test('is refused when its header is no JSON', async () => {
    const forged = ['AAAA', ...envelope.split('.').slice(1)].join('.')
    expect(await refusal(verify(forged, keys.public))).toContain('the header is no JSON')
  })

  test('is refused above 256 KiB before anything is read', async () => {
    const message = 'ROLLOUT_SIZE: an envelope has at most 262144 bytes, got 262145'
    expect(await refusal(verify('x'.repeat(262_145), keys.public))).toBe(message)
    expect(await refusal(verify('x'.repeat(262_144), keys.public))).toMatch(/^ROLLOUT_SIGNATURE/)
    const large = { ...rollout, padding: 'x'.repeat(200_000) }
    expect(await refusal(signRollout(large, keys.private, subtle))).toMatch(/^ROLLOUT_SIZE/)
  })

  test('verifies with the public members of a private key that was pinned by mistake', async () => {
    await expect(verify(envelope, keys.private)).resolves.toBeInstanceOf(Uint8Array)
  })

  test('is not signed when no client would take the rollout, or the key has no kid', async () => {
    const bad = { ...rollout, stage: 'gone' }
    expect(await refusal(signRollout(bad, keys.private, subtle))).toMatch(
      /^ROLLOUT_SCHEMA.*\$\.stage/,
    )
    const { kid: _, ...nameless } = keys.private as JsonWebKey & { kid: string }
    expect(await refusal(signRollout(rollout, nameless, subtle))).toContain('a key needs a kid')
    expect(await refusal(signRollout(rollout, keys.public, subtle))).toContain(
      "this key can't sign",
    )
  })
})

describe('a key', () => {
  test.each([
    ['of another curve', { kty: 'EC', crv: 'P-384' }, 'got EC P-384'],
    ['for a MAC', { kty: 'oct', k: 'AAAA' }, 'got oct'],
    [
      'that names another algorithm',
      { kty: 'EC', crv: 'P-256', alg: 'ES512' },
      'got EC P-256 ES512',
    ],
  ])('%s is refused', async (_, key, got) => {
    const pinned: JsonWebKey & { kid: string } = { ...key, kid: 'a' }
    const head = toBase64url(utf8(JSON.stringify({ alg: 'ES256', kid: 'a' })))
    expect(await refusal(verify(`${head}.e30.AAAA`, pinned))).toContain(got)
  })

  test("that can't be imported is refused, and refused again", async () => {
    const pinned = { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'a' } as JsonWebKey
    const head = toBase64url(utf8(JSON.stringify({ alg: 'ES256', kid: 'a' })))
    for (let time = 0; time < 2; time++) {
      expect(await refusal(verify(`${head}.e30.AAAA`, pinned))).toContain("can't be used here")
    }
  })
})

test('base64url has one text for each run of bytes', () => {
  for (let length = 0; length < 9; length++) {
    const bytes = crypto.getRandomValues(new Uint8Array(length))
    expect(fromBase64url(toBase64url(bytes))).toEqual(bytes)
  }
  for (const wrong of ['A', 'AB', 'AAB', 'AA==', 'A+/A', 'AAA A', 'é']) {
    expect(fromBase64url(wrong)).toBeNull()
  }
})
