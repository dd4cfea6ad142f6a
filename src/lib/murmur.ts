import { utf8 } from './encode.js'

/**
 * murmur3_x86_32 over the UTF-8 bytes of a text, as an unsigned 32-bit integer. `units` has one unit for each of those bytes:
 * as long as a text is ASCII, it is that itself.
 */
export function murmur3(text: string, seed: number = 0, units: string = text): number {
  const { length } = units
  let hash = seed
  let block = 0
  for (let at = 0; at < length; at++) {
    const unit = units.charCodeAt(at)
    if (unit > 127 && units === text) return murmur3(text, seed, toByteUnits(text))
    // Shifts count modulo 32: each unit comes to its place in the block of four.
    block |= unit << (at << 3)
    const isWhole = (at & 3) === 3
    if (!isWhole && at < length - 1) continue
    block = Math.imul(block, 0xcc9e2d51)
    hash ^= Math.imul((block << 15) | (block >>> 17), 0x1b873593)
    if (isWhole) hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
    block = 0
  }
  hash ^= length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function toByteUnits(text: string): string {
  let units = ''
  for (const byte of utf8(text)) units += String.fromCharCode(byte)
  return units
}
