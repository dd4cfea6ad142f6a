/** Gzips a text; `null` where the browser can't. */
export async function gzip(text: string): Promise<Blob | null> {
  if (typeof CompressionStream === 'undefined') return null
  const zipped = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Response(zipped).blob()
}
