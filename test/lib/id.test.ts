import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deriveOperationId, mintId } from '../../src/lib/id.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

describe('mintId', () => {
  it('makes version 7 UUIDs that sort by time', () => {
    const bytes = new Uint8Array(16).fill(0xff)
    const ids = [0, 1, 1_700_000_000_000, 1_700_000_000_001, 281_474_976_710_655].map((at) =>
      mintId(at, bytes),
    )
    expect(ids).toEqual([...ids].sort())
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{14}7[0-9a-f]{3}-[89ab][0-9a-f]{3}-/)
    expect(mintId(0x0123456789ab, bytes)).toMatch(/^01234567-89ab-/)
  })
})

describe('deriveOperationId', () => {
  const row = { type: 'update', table: 'cards', localId: 'a', data: { title: '中文', n: 1 } }

  it('is the same at each reading, whatever the attempts left in the row', () => {
    const id = deriveOperationId('queue', row, 0)
    expect(id).toMatch(UUID)
    expect(deriveOperationId('queue', { ...row, retryCount: 3, status: 'failed' }, 0)).toBe(id)
    expect(deriveOperationId('queue', { ...row, error: undefined }, 0)).toBe(id)
    const reordered = {
      data: { n: 1, title: '中文' },
      localId: 'a',
      table: 'cards',
      type: 'update',
    }
    expect(deriveOperationId('queue', reordered, 0)).toBe(id)
  })

  it('tells queues, contents and equal rows apart', () => {
    const ids = [
      deriveOperationId('queue', row, 0),
      deriveOperationId('queue', row, 1),
      deriveOperationId('other', row, 0),
      deriveOperationId('queue', { ...row, localId: 'b' }, 0),
      // Only the row's own fields are volatile: a card may have a status.
      deriveOperationId('queue', { ...row, data: { ...row.data, status: 'x' } }, 0),
    ]
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('reads a date like the text that JSON makes of it', () => {
    const at = new Date(1_700_000_000_000)
    expect(deriveOperationId('q', { at }, 0)).toBe(
      deriveOperationId('q', { at: at.toISOString() }, 0),
    )
  })

  it('gives different contents different ids', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const equal = deriveOperationId('q', { a }, 0) === deriveOperationId('q', { a: b }, 0)
        expect(equal).toBe(sorted(a) === sorted(b))
      }),
    )
  })
})

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, held) =>
    held && typeof held === 'object' && !Array.isArray(held)
      ? Object.fromEntries(Object.entries(held).sort(([a], [b]) => (a < b ? -1 : 1)))
      : held,
  )
}
