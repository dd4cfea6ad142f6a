import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonOf } from '../../src/consistency/canon.js'
import {
  answerDigest,
  createDigest,
  type Digest,
  findDiffering,
} from '../../src/consistency/digest.js'
import { isEqual } from '../../src/consistency/equality.js'
import { compileTable } from '../../src/consistency/rules.js'
import { keyText } from '../../src/lib/keys.js'
import type { TableRules } from '../../src/model/source.js'
import { makeRow, rules as plantedRules } from './planting.js'
import { createRandom } from './random.js'

type Rows = Map<IDBValidKey, Record<string, unknown>>

const salt = { high: 11, low: -7 }

function digestOf(rows: Rows, rules: TableRules = {}, salted: typeof salt = salt): Digest {
  const digest = createDigest(compileTable(rules, 't'), salted)
  for (const [key, row] of rows) digest.add(key, row)
  return digest
}

/** What two copies say to each other, through JSON as it would travel. */
async function talk(mine: Digest, theirs: Digest) {
  let bytes = 0
  let trips = 0
  const keys = await findDiffering(mine, async (prefixes) => {
    const question = JSON.stringify({ prefixes })
    const answer = JSON.stringify(prefixes.map((prefix) => answerDigest(theirs, prefix)))
    bytes += question.length + answer.length
    trips++
    return JSON.parse(answer)
  })
  return { keys: keys.map(keyText).sort(), bytes, trips }
}

function makeRows(count: number): Rows {
  const ids = createRandom(5)
  const hex = () => ids.below(0x10000).toString(16).padStart(4, '0')
  const id = () => `${hex()}${hex()}-${hex()}-4000-8000-${hex()}${hex()}${hex()}`
  return new Map(Array.from({ length: count }, (_, at) => [id(), { text: `row ${at}`, n: at }]))
}

/** Changes, takes away and adds rows, in turn. */
function plant(rows: Rows, differences: number): { other: Rows; planted: string[] } {
  const other: Rows = new Map(rows)
  const keys = [...rows.keys()]
  const every = Math.floor(keys.length / differences)
  const planted = Array.from({ length: differences }, (_, at) => {
    const key = keys[at * every] ?? ''
    const added = `${String(key).slice(0, 34)}zz`
    if (at % 3 === 0) other.set(key, { text: 'changed' })
    else if (at % 3 === 1) other.delete(key)
    else other.set(added, { text: 'added' })
    return keyText(at % 3 === 2 ? added : key)
  })
  return { other, planted: planted.sort() }
}

/** Deals keys to two copies: some to one only, some with another content, most to both. */
function deal(keys: readonly IDBValidKey[], draw: () => number) {
  const [left, right]: [Rows, Rows] = [new Map(), new Map()]
  const expected: string[] = []
  for (const key of keys) {
    const drawn = draw()
    if (drawn !== 0) left.set(key, { at: new Date(0), n: 1 })
    if (drawn !== 1) right.set(key, { n: drawn === 2 ? 2 : 1, at: new Date(0).toISOString() })
    if (drawn < 3) expected.push(keyText(key))
  }
  return { left, right, expected }
}

interface Vectors {
  salt: string
  rows: { key: string; row: Record<string, unknown>; place: string; hash: string }[]
}

describe('a digest', () => {
  it('is that of the published vectors', () => {
    const file = new URL('./digest-vectors.json', import.meta.url)
    const { salt: text, rows } = JSON.parse(readFileSync(file, 'utf8')) as Vectors
    const lane = (from: number) => Number.parseInt(text.slice(from, from + 8), 16) | 0
    expect(rows.length).toBeGreaterThan(15)
    for (const { key, row, place, hash } of rows) {
      const digest = digestOf(new Map([[key, row]]), {}, { high: lane(0), low: lane(8) })
      expect(digest.rows(place)).toEqual([[key, hash]])
    }
  })

  it('writes no two rows as one text', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        fc.constantFrom(null, true, 'a', 'b sc', 'o', 'l1', 'x\ny sz', '\\n', 1, 0, ''),
        fc.array(tie('any'), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'a.b', 'b 1', 'a\nb', '0'), tie('any'), {
          maxKeys: 2,
        }),
      ),
    })).any
    const row = fc.dictionary(fc.constantFrom('a', 'b', 'a.b', '\\'), value, { maxKeys: 3 })
    fc.assert(
      fc.property(row, row, (one, other) => {
        expect(canonOf(one, null) === canonOf(other, null)).toBe(isEqual(one, other, null))
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('two digests', () => {
  it('find what differs, and nothing else', async () => {
    const keys = fc.uniqueArray(fc.oneof(fc.string({ maxLength: 3 }), fc.integer()), {
      selector: keyText,
      maxLength: 60,
      size: 'max',
    })
    const copies = fc.tuple(keys, fc.infiniteStream(fc.nat(9)))
    await fc.assert(
      fc.asyncProperty(copies, async ([all, draws]) => {
        const { left, right, expected } = deal(all, () => draws.next().value)
        expect((await talk(digestOf(left), digestOf(right))).keys).toEqual(expected.sort())
      }),
      { numRuns: 300 },
    )
  })

  it('pass over what the rules ignore, and over nothing that they count', async () => {
    const random = createRandom(3)
    const { tolerance: _, ...rules } = plantedRules
    const left: Rows = new Map(Array.from({ length: 200 }, (_, id) => [id, makeRow(random, id)]))
    const right: Rows = new Map(
      [...left].map(([id, row]) => [
        id,
        Object.fromEntries(Object.entries({ ...row, sync: 'other' }).reverse()),
      ]),
    )
    right.set(7, { ...right.get(7), count: 'seven', state: null })
    left.set(8, { ...left.get(8), state: { gone: true } })
    right.delete(8)
    expect((await talk(digestOf(left, rules), digestOf(right, rules))).keys).toEqual(['n7'])
  })

  it.each([
    [10, 24_000, 4],
    [1_000, 600_000, 4],
  ])(
    'find %i of 100,000 rows within %i bytes and %i trips',
    async (differences, most, trips) => {
      const rows = makeRows(100_000)
      const { other, planted } = plant(rows, differences)
      const talked = await talk(digestOf(rows), digestOf(other))
      expect(talked.keys).toEqual(planted)
      expect(talked.bytes).toBeLessThanOrEqual(most)
      expect(talked.trips).toBeLessThanOrEqual(trips)
      console.log(
        `digest: ${differences} of 100,000 in ${talked.bytes} bytes, ${talked.trips} trips`,
      )
    },
    60_000,
  )

  it('of equal copies take one trip', async () => {
    const rows = makeRows(1_000)
    const talked = await talk(digestOf(rows), digestOf(new Map([...rows].reverse())))
    expect(talked).toMatchObject({ keys: [], trips: 1 })
    expect(talked.bytes).toBeLessThan(1_000)
  })

  it('of an empty and a full copy differ in every row', async () => {
    const rows = makeRows(300)
    expect((await talk(digestOf(rows), digestOf(new Map()))).keys).toHaveLength(300)
    expect((await talk(digestOf(new Map()), digestOf(rows))).keys).toHaveLength(300)
  })

  it('change with the salt', () => {
    const rows = makeRows(50)
    const [one, two] = [digestOf(rows), digestOf(rows, {}, { high: 1, low: 1 })]
    expect([...one.sums('').values()]).not.toEqual([...two.sums('').values()])
  })
})
