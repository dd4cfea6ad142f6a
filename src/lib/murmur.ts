import { utf8 } from './encode.js'

/** murmur3_x86_32 over the UTF-8 bytes of a text, as an unsigned 32-bit integer. */
export function murmur3(text: string, seed: number = 0): number {
  const { length } = text
  let hash = seed
  let seen = 0
  let at = 0
  for (; at + 4 <= length; at += 4) {
    const a = text.charCodeAt(at)
    const b = text.charCodeAt(at + 1)
    const c = text.charCodeAt(at + 2)
    const d = text.charCodeAt(at + 3)
    seen |= a | b | c | d
    hash = mix(hash, a | (b << 8) | (c << 16) | (d << 24))
  }
  let tail = 0
  for (let last = length - 1; last >= at; last--) {
    const code = text.charCodeAt(last)
    seen |= code
    tail = (tail << 8) | code
  }
  // UTF-16 units are UTF-8 bytes only as long as all of them are ASCII.
  return seen > 127 ? murmur3Bytes(utf8(text), seed) : finish(hash ^ scramble(tail), length)
}

function murmur3Bytes(bytes: Uint8Array, seed: number): number {
  const { length } = bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, length)
  const end = length - (length % 4)
  let hash = seed
  for (let at = 0; at < end; at += 4) hash = mix(hash, view.getInt32(at, true))
  let tail = 0
  for (let last = length - 1; last >= end; last--) tail = (tail << 8) | view.getUint8(last)
  return finish(hash ^ scramble(tail), length)
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
