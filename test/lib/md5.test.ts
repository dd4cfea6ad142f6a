import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { md5 } from '../../src/lib/md5.js'

const hex = (lane: number) => (lane >>> 0).toString(16).padStart(8, '0')

it('md5 is that of node, for texts of every length and plane', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      const { high, low } = md5(text)
      expect(hex(high) + hex(low)).toBe(createHash('md5').update(text).digest('hex').slice(0, 16))
    }),
    { numRuns: 2_000 },
  )
})
