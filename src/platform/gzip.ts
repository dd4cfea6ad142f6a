import { utf8 } from '../lib/encode.js'

/** Gzips a text; `null` where the browser can't. */
export async function gzip(text: string): Promise<Blob | null> {
  if (typeof CompressionStream === 'undefined') return null
  const { readable, writable } = new CompressionStream('gzip')
  // Bytes, not a blob: making one of those costs the page ten times as much.
  const writer = writable.getWriter()
  const written = [writer.write(utf8(text)), writer.close()]
  const zipped = await new Response(readable).blob()
  await Promise.all(written)
  return zipped
}
