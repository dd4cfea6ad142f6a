import { describe, expect, it } from 'vitest'
import { FULL_PAGE, nextPage } from '../../src/lib/pages.js'

const rowsOf = (held: unknown) => Array.from({ length: 50 }, (_, id) => ({ id, held }))

/** A text as editors keep it: blocks in blocks, and the words at the bottom. */
const nest = (text: string, levels: number): unknown =>
  levels === 0 ? { text } : { content: [nest(text, levels - 1)] }

describe('the next page', () => {
  it.each([0, 3, 10])(
    'is small where rows are heavy, however deep the weight lies: %i',
    (levels) => {
      expect(nextPage(rowsOf(nest('x'.repeat(100_000), levels)), FULL_PAGE)).toBe(2)
    },
  )

  it('is full where rows are light, and some hold themselves or what others hold', () => {
    const held: Record<string, unknown> = { text: 'x' }
    held.self = held
    held.deeper = { held, again: [held, held] }
    expect(nextPage(rowsOf(held), FULL_PAGE)).toBe(FULL_PAGE)
  })

  it('is small where rows are pictures', () => {
    expect(nextPage(rowsOf(new Blob(['x'.repeat(100_000)])), FULL_PAGE)).toBe(2)
    expect(nextPage(rowsOf([new Uint8Array(100_000)]), FULL_PAGE)).toBe(2)
  })
})
