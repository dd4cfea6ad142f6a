const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const MAX_STORED = 0xffff

function word(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
}

function crc32(bytes: readonly number[]): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}

function adler32(bytes: readonly number[]): number {
  let low = 1
  let high = 0
  for (const byte of bytes) {
    low = (low + byte) % 65_521
    high = (high + low) % 65_521
  }
  return ((high << 16) | low) >>> 0
}

function chunk(type: string, data: readonly number[]): number[] {
  const body = [...type].map((letter) => letter.charCodeAt(0)).concat(data)
  return [...word(data.length), ...body, ...word(crc32(body))]
}

/** A zlib stream of one stored block: no compression, so no dependency. */
function deflateStored(raw: readonly number[]): number[] {
  if (raw.length > MAX_STORED) throw new RangeError('picture too large for one stored block')
  const size = [raw.length & 255, raw.length >>> 8]
  const inverse = size.map((byte) => byte ^ 255)
  return [0x78, 0x01, 0x01, ...size, ...inverse, ...raw, ...word(adler32(raw))]
}

/** Draws a small picture as a PNG data URL; `paint` answers red, green and blue of a pixel, 0 to 255. */
export function drawPng(
  side: number,
  paint: (x: number, y: number) => readonly [number, number, number],
): { data: string; size: number } {
  const raw: number[] = []
  for (let y = 0; y < side; y++) {
    raw.push(0)
    for (let x = 0; x < side; x++) raw.push(...paint(x, y).map((part) => part & 255))
  }
  const bytes = [
    ...SIGNATURE,
    ...chunk('IHDR', [...word(side), ...word(side), 8, 2, 0, 0, 0]),
    ...chunk('IDAT', deflateStored(raw)),
    ...chunk('IEND', []),
  ]
  const data = `data:image/png;base64,${btoa(String.fromCharCode(...bytes))}`
  return { data, size: bytes.length }
}
