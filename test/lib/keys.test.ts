import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareKeys, isKey, keyReader, keyText } from '../../src/lib/keys.js'

const leaf = fc.oneof(
  fc.double({ noNaN: true }),
  fc.integer({ min: -3, max: 3 }),
  fc.date({ noInvalidDate: true }),
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.string({ unit: fc.constantFrom('a', '\ud83d', '\ude00', '\uffff', 'é'), maxLength: 3 }),
  fc.uint8Array({ minLength: 1, maxLength: 3 }),
)
const { key } = fc.letrec<{ key: IDBValidKey }>((tie) => ({
  key: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('key'), { maxLength: 3 })),
}))

describe('the order of keys', () => {
  it('is the order that IndexedDB gives', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(compareKeys(a, b)).toBe(indexedDB.cmp(a, b))
        expect(keyText(a) === keyText(b)).toBe(indexedDB.cmp(a, b) === 0)
      }),
      { numRuns: 2_000 },
    )
  })

  it('looks through views at their bytes', () => {
    const bytes = new Uint8Array([9, 1, 2, 9])
    expect(compareKeys(bytes.subarray(1, 3), new Uint8Array([1, 2]).buffer)).toBe(0)
    expect(compareKeys(new Uint8Array([1]), new Uint8Array([1, 0]))).toBe(-1)
  })
})

describe('a value that may be a key', () => {
  it('is told from one that may not', () => {
    expect([0, 'a', new Date(0), new Uint8Array(1), ['a', [1]]].every(isKey)).toBe(true)
    const none = [NaN, new Date(NaN), null, undefined, true, {}, ['a', null], 1n]
    expect(none.filter(isKey)).toEqual([])
  })
})

describe('the key of a row', () => {
  it('is read by a path, by several, or not at all', () => {
    const row = { id: 'a', at: { day: 3 } }
    expect(keyReader('id')?.(row)).toBe('a')
    expect(keyReader('at.day')?.(row)).toBe(3)
    expect(keyReader(['at.day', 'id'])?.(row)).toEqual([3, 'a'])
    expect([keyReader(null), keyReader(''), keyReader(undefined)]).toEqual([null, null, null])
  })
})
