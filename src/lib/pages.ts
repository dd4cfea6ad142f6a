const PAGE_BYTES = 250_000
/** How many rows of a page are weighed. */
const SAMPLE = 16
const DEEPEST = 5

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

/** About how many bytes a value takes; what lies deeper counts for nothing, and a value may hold itself. */
function weigh(value: unknown, depth = 0): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null || depth === DEEPEST) return 8
  if (value instanceof Blob) return value.size
  if ('byteLength' in value) return Number(value.byteLength)
  return Object.values(value).reduce<number>((sum, held) => sum + weigh(held, depth + 1), 8)
}
