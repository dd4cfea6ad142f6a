import { utf8 } from './encode.js'

/** murmur3_x86_32 over the UTF-8 bytes of a text, as an unsigned 32-bit integer. */
export function murmur3(text: string, seed: number = 0): number {
  return beginMurmur3('', seed)(text)
}

/** Hashes a prefix once, and answers a function that goes on with a text: the same as hashing both joined. */
export function beginMurmur3(prefix: string, seed: number = 0): (text: string) => number {
  const bytes = utf8(prefix)
  const rest = bytes.length % 4
  const shift = 8 * rest
  const begun = mixBytes(seed, bytes)
  const carried = tailOf(bytes)

  return (text) => {
    const { length } = text
    let hash = begun
    let carry = carried
    let seen = 0
    let at = 0
    for (; at + 4 <= length; at += 4) {
      const a = text.charCodeAt(at)
      const b = text.charCodeAt(at + 1)
      const c = text.charCodeAt(at + 2)
      const d = text.charCodeAt(at + 3)
      seen |= a | b | c | d
      const block = a | (b << 8) | (c << 16) | (d << 24)
      hash = mix(hash, carry | (block << shift))
      // A shift by 32 is one by 0 in JavaScript.
      carry = rest ? block >>> (32 - shift) : 0
    }
    let filled = shift
    for (; at < length; at++) {
      const code = text.charCodeAt(at)
      seen |= code
      carry |= code << filled
      filled += 8
      if (filled === 32) {
        hash = mix(hash, carry)
        carry = filled = 0
      }
    }
    // UTF-16 units are UTF-8 bytes only as long as all of them are ASCII.
    if (seen > 127) return hashBytes(seed, utf8(prefix + text))
    return finish(hash ^ scramble(carry), bytes.length + length)
  }
}

function hashBytes(seed: number, bytes: Uint8Array): number {
  return finish(mixBytes(seed, bytes) ^ scramble(tailOf(bytes)), bytes.length)
}

/** Mixes in every whole block of four bytes. */
function mixBytes(seed: number, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  let hash = seed
  for (let at = 0; at + 4 <= bytes.length; at += 4) hash = mix(hash, view.getInt32(at, true))
  return hash
}

/** The up to three bytes after the last whole block, the first one lowest. */
function tailOf(bytes: Uint8Array): number {
  return bytes
    .slice(bytes.length - (bytes.length % 4))
    .reduceRight((tail, byte) => (tail << 8) | byte, 0)
}

function scramble(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51)
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593)
}

function mix(hash: number, block: number): number {
  const h = hash ^ scramble(block)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

function finish(hash: number, length: number): number {
  let h = hash ^ length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
