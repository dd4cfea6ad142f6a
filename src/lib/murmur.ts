import { utf8 } from './encode.js'

/**
 * murmur3_x86_32 over the UTF-8 bytes of a text, as an unsigned 32-bit integer. `units` has one unit for each of those bytes:
 * as long as a text is ASCII, it is that itself.
 */
export function murmur3(text: string, seed: number = 0, units: string = text): number {
  const { length } = units
  let hash = seed
  let seen = 0
  let at = 0
  for (; at + 4 <= length; at += 4) {
    const a = units.charCodeAt(at)
    const b = units.charCodeAt(at + 1)
    const c = units.charCodeAt(at + 2)
    const d = units.charCodeAt(at + 3)
    seen |= a | b | c | d
    hash ^= scramble(a | (b << 8) | (c << 16) | (d << 24))
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let left = length - 1; left >= at; left--) {
    const unit = units.charCodeAt(left)
    seen |= unit
    tail = (tail << 8) | unit
  }
  if (seen > 127 && units === text) return murmur3(text, seed, toByteUnits(text))
  hash ^= scramble(tail) ^ length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function scramble(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51)
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593)
}

function toByteUnits(text: string): string {
  let units = ''
  for (const byte of utf8(text)) units += String.fromCharCode(byte)
  return units
}
