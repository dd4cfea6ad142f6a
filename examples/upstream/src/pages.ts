import { MEBIBYTE } from './limits.js'

const FIRST_CHUNK = 16
const CHUNK_BYTES = 2 * MEBIBYTE

/** Reads up to `limit` rows in chunks of bounded size, since one row may hold a whole image. */
export async function* readChunks<T extends { text: string }>(
  limit: number,
  read: (after: T | undefined, count: number) => Promise<T[]>,
): AsyncGenerator<T[], void> {
  let left = limit
  let count = FIRST_CHUNK
  let last: T | undefined
  while (left > 0) {
    const asked = Math.min(count, left)
    const rows = await read(last, asked)
    if (rows.length > 0) yield rows
    if (rows.length < asked) return
    left -= rows.length
    last = rows.at(-1)
    const bytes = rows.reduce((sum, row) => sum + row.text.length, 0)
    count = Math.max(1, Math.floor((CHUNK_BYTES * rows.length) / Math.max(bytes, 1)))
  }
}

/** Answers JSON whose list of rows is sent while it is read; a page of images never stands in memory whole. */
export async function streamJson(
  head: string,
  chunks: AsyncGenerator<readonly string[], void>,
  tail: string,
): Promise<Response> {
  // Whatever is wrong with the request shows in the first chunk, before the status is sent.
  const first = await chunks.next()
  async function* body(): AsyncGenerator<string> {
    yield head
    let separator = ''
    for (let step = first; !step.done; step = await chunks.next()) {
      yield separator + step.value.join(',')
      separator = ','
    }
    yield tail
  }
  return new Response(toStream(body()), { headers: { 'Content-Type': 'application/json' } })
}

function toStream(texts: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await texts.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await texts.return(undefined)
    },
  })
}
