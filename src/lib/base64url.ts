/** Writes bytes as base64url without padding. */
export function toBase64url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const DIGITS: readonly number[] = /* @__PURE__ */ listDigits()

function listDigits(): number[] {
  const digits: number[] = new Array(128).fill(-1)
  for (let digit = 0; digit < 64; digit++) digits[ALPHABET.charCodeAt(digit)] = digit
  return digits
}

/** Reads base64url without padding, or answers `null` when the text is not exactly that. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  const { length } = text
  if (length % 4 === 1) return null
  const bytes = new Uint8Array(Math.floor((length * 3) / 4))
  let held = 0
  let bits = 0
  let count = 0
  for (let at = 0; at < length; at++) {
    const digit = DIGITS[text.charCodeAt(at)] ?? -1
    if (digit < 0) return null
    held = (held << 6) | digit
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[count++] = held >> bits
    held &= (1 << bits) - 1
  }
  // Bits that no byte needs are zero, so that each run of bytes has one text only.
  return held === 0 ? bytes : null
}
