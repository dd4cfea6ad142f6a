import { createHash, createPublicKey, type JsonWebKey as NodeJwk, verify } from 'node:crypto'

const verified = new Map<string, boolean>()

/** WebCrypto as far as the SDK uses it, answering at once: a thread pool would order a world's events anew each time. */
export const subtle = {
  async importKey(_format: 'jwk', key: JsonWebKey) {
    return key
  },
  async verify(_params: unknown, key: JsonWebKey, signature: Uint8Array, signed: Uint8Array) {
    const name = `${key.x} ${Buffer.from(signature).toString('base64')} ${Buffer.from(signed).toString('base64')}`
    const known = verified.get(name)
    if (known !== undefined) return known
    const answer = verify(
      'sha256',
      signed,
      {
        key: createPublicKey({ key: key as NodeJwk, format: 'jwk' }),
        dsaEncoding: 'ieee-p1363',
      },
      signature,
    )
    verified.set(name, answer)
    return answer
  },
  async digest(_name: 'SHA-256', bytes: Uint8Array) {
    const hash = createHash('sha256').update(bytes).digest()
    return hash.buffer.slice(hash.byteOffset, hash.byteOffset + hash.byteLength)
  },
} as unknown as SubtleCrypto
