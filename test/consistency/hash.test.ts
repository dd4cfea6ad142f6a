import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Fingerprint, fingerprint, printHash } from '../../src/consistency/hash.js'
import { referenceHash } from './hash-reference.js'

interface Vector {
  value: unknown
  salt: Fingerprint
  hash: string
}

const vectors = JSON.parse(
  readFileSync(new URL('./hash-vectors.json', import.meta.url), 'utf8'),
) as Vector[]

const plain = fc.anything({
  maxDepth: 3,
  withDate: false,
  withBigInt: true,
  values: [
    fc.boolean(),
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(null, undefined),
    fc.date({ noInvalidDate: true }),
  ],
})

describe('the hash', () => {
  it('is that of the published vectors', () => {
    expect(vectors.length).toBeGreaterThan(50)
    for (const { value, salt, hash } of vectors) {
      expect([value, printHash(fingerprint(value, null, salt))]).toEqual([value, hash])
    }
  })

  it('is that of the slow way to reckon it', () => {
    fc.assert(
      fc.property(plain, fc.integer(), fc.integer(), (value, high, low) => {
        expect(printHash(fingerprint(value, null, { high, low }))).toBe(
          referenceHash(value, [BigInt(high), BigInt(low)]),
        )
      }),
      { numRuns: 1_000 },
    )
  })

  it('tells 300,000 values apart that are nearly the same', () => {
    const seen = new Set<string>()
    for (let at = 0; at < 100_000; at++) {
      for (const value of [at, `${at}`, { id: 'card', n: at }]) {
        seen.add(printHash(fingerprint(value, null)))
      }
    }
    expect(seen.size).toBe(300_000)
  })

  it('turns half of its bits when one bit of the value turns', () => {
    let turned = 0
    const bits = (text: string) =>
      [...BigInt(`0x${text}`).toString(2)].filter((bit) => bit === '1').length
    const reckon = (value: unknown) => BigInt(`0x${printHash(fingerprint(value, null))}`)
    const rounds = 4_000
    for (let at = 0; at < rounds; at++) {
      turned += bits((reckon({ n: at }) ^ reckon({ n: at ^ (1 << (at % 12)) })).toString(16))
    }
    expect(turned / rounds).toBeGreaterThan(31.5)
    expect(turned / rounds).toBeLessThan(32.5)
  })
})
