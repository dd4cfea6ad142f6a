const PAGE_BYTES = 250_000
/** How many rows of a page are weighed. */
const SAMPLE = 16

/** How many rows the first page of a table has: nobody knows yet what they weigh, and they may be pictures. */
export const FIRST_PAGE = 4
/** How many rows a page has at most where each is put or hashed as well. */
export const FULL_PAGE = 100

/** How many rows to ask for next, `most` at most, so that a page weighs about a quarter of a megabyte: a page is read, written and hashed in one go. */
export function nextPage(rows: readonly unknown[], most: number): number {
  const step = Math.ceil(rows.length / SAMPLE)
  const sample = rows.filter((_, at) => at % step === 0)
  const bytes = sample.reduce<number>((sum, row) => sum + weigh(row), 0)
  const fitting = Math.floor((PAGE_BYTES * sample.length) / bytes)
  return Math.max(1, Math.min(fitting, rows.length * 4, most))
}

/** Cuts what is in memory already into such pages. */
export function* toPages<T>(values: readonly T[]): Generator<readonly T[]> {
  let limit = FIRST_PAGE
  for (let at = 0; at < values.length; ) {
    const page = values.slice(at, at + limit)
    yield page
    at += page.length
    limit = nextPage(page, FULL_PAGE)
  }
}

/** About how many bytes a value takes; each part is looked at once, as a value may hold itself. */
function weigh(value: unknown): number {
  let bytes = 0
  const parts = new Set<object>([[value]])
  for (const part of parts) {
    for (const held of Object.values(part)) {
      const whole = weighWhole(held)
      bytes += whole ?? 8
      if (whole === null) parts.add(held)
    }
  }
  return bytes
}

/** `null`: its parts tell. */
function weighWhole(value: unknown): number | null {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 8
  if (value instanceof Blob) return value.size
  return 'byteLength' in value ? Number(value.byteLength) : null
}
