const encoder = new TextEncoder()
const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
const SINES = Int32Array.from({ length: 64 }, (_, at) =>
  Math.floor(Math.abs(Math.sin(at + 1)) * 2 ** 32),
)

/** The first 64 bits of a text's MD5 over UTF-8: the one hash that databases of every make reckon by themselves. */
export function md5(text: string): { high: number; low: number } {
  const bytes = encoder.encode(text)
  const words = new Int32Array((((bytes.length + 8) >> 6) + 1) * 16)
  for (let at = 0; at < bytes.length; at++) {
    words[at >> 2] = (words[at >> 2] ?? 0) | ((bytes[at] ?? 0) << ((at & 3) * 8))
  }
  const { length } = bytes
  words[length >> 2] = (words[length >> 2] ?? 0) | (0x80 << ((length & 3) * 8))
  words[words.length - 2] = length << 3
  words[words.length - 1] = length >>> 29
  let [a, b, c, d] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476]
  for (let from = 0; from < words.length; from += 16) {
    const [a0, b0, c0, d0] = [a, b, c, d]
    for (let at = 0; at < 64; at++) {
      const round = at >> 4
      const word = words[from + placeOf(round, at)] ?? 0
      const sum = (a + mix(round, b, c, d) + (SINES[at] ?? 0) + word) | 0
      const shift = SHIFTS[round * 4 + (at & 3)] ?? 0
      a = d
      d = c
      c = b
      b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
    }
    a = (a + a0) | 0
    b = (b + b0) | 0
    c = (c + c0) | 0
    d = (d + d0) | 0
  }
  return { high: swap(a), low: swap(b) }
}

function placeOf(round: number, at: number): number {
  if (round === 0) return at
  if (round === 1) return (5 * at + 1) & 15
  return (round === 2 ? 3 * at + 5 : 7 * at) & 15
}

function mix(round: number, b: number, c: number, d: number): number {
  if (round === 0) return (b & c) | (~b & d)
  if (round === 1) return (b & d) | (c & ~d)
  return round === 2 ? b ^ c ^ d : c ^ (b | ~d)
}

/** MD5 is written with the lowest byte first. */
function swap(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)
}
