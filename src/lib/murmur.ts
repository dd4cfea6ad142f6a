import { utf8 } from './encode.js'

/** murmur3_x86_32 over the UTF-8 bytes of a text, as an unsigned 32-bit integer. */
export function murmur3(text: string, seed: number = 0): number {
  return finishMurmur3(beginMurmur3('', seed), text)
}

/** A prefix, hashed as far as its whole blocks go. */
export interface BegunHash {
  hash: number
  /** Bytes in it. */
  length: number
  /** What is left of the prefix. */
  rest: string
}

/** Hashes a prefix once for many texts. */
export function beginMurmur3(prefix: string, seed: number = 0): BegunHash {
  // What is no ASCII may join with the text to one character.
  const length = isAscii(prefix) ? prefix.length - (prefix.length % 4) : 0
  const hash = mixBlocks(seed, prefix.slice(0, length))
  return { hash, length, rest: prefix.slice(length) }
}

/** Goes on with a text: the same as hashing both joined. */
export function finishMurmur3(begun: BegunHash, text: string): number {
  const joined = begun.rest + text
  const units = isAscii(joined) ? joined : toByteUnits(joined)
  const { length } = units
  let tail = 0
  for (let at = length - 1; at >= length - (length % 4); at--) {
    tail = (tail << 8) | units.charCodeAt(at)
  }
  let hash = mixBlocks(begun.hash, units) ^ scramble(tail) ^ (begun.length + length)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Mixes in every whole block of four bytes. */
function mixBlocks(seed: number, units: string): number {
  let hash = seed
  for (let at = 3; at < units.length; at += 4) {
    const low = units.charCodeAt(at - 3) | (units.charCodeAt(at - 2) << 8)
    const high = units.charCodeAt(at - 1) | (units.charCodeAt(at) << 8)
    hash ^= scramble(low | (high << 16))
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  return hash
}

function scramble(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51)
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593)
}

/** A text with one unit for each of its bytes in UTF-8. */
function toByteUnits(text: string): string {
  let units = ''
  for (const byte of utf8(text)) units += String.fromCharCode(byte)
  return units
}

/** The units of UTF-16 are the bytes of UTF-8 as long as all of them are ASCII. */
function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return false
  return true
}
