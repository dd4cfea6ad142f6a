import fc from 'fast-check'
import murmur from 'murmurhash3js-revisited'
import { expect, test } from 'vitest'
import { murmur3 } from '../../src/lib/murmur.js'
import vectors from './murmur-vectors.json' with { type: 'json' }

const oracle = (text: string, seed: number): number =>
  murmur.x86.hash32(new TextEncoder().encode(text), seed)

test.each(vectors)('the hash of $text with seed $seed is $hash', ({ text, seed, hash }) => {
  expect(murmur3(text, seed)).toBe(hash)
  expect(oracle(text, seed)).toBe(hash)
})

const texts = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.uuid(),
)

test('the hash of any text is the one of a published library over its UTF-8 bytes', () => {
  fc.assert(
    fc.property(texts, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (text, seed) => {
      expect(murmur3(text, seed)).toBe(oracle(text, seed))
    }),
    { numRuns: 2_000 },
  )
})

test('half of a surrogate pair counts as the replacement character', () => {
  expect(murmur3('a\ud83d')).toBe(murmur3('a\ufffd'))
})
