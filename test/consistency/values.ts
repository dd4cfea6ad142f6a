import fc from 'fast-check'

const instant = fc.date({
  noInvalidDate: true,
  min: new Date('0001-01-01'),
  max: new Date('9999-12-31'),
})

const name = fc.constantFrom(
  'a',
  'b',
  'c',
  'list',
  '',
  '__proto__',
  'toString',
  'constructor',
  'x.y',
  '*',
)

/** Everything that a store keeps, with the pairs that are easily confused made likely. */
export const value: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom<unknown>(
      null,
      undefined,
      0,
      -0,
      Number.NaN,
      '',
      '0',
      'null',
      true,
      false,
      0n,
      1n,
      1,
      '1',
    ),
    fc.double(),
    fc.integer({ min: -2, max: 2 }),
    fc.string({ unit: fc.constantFrom('a', 'b', '\ud83d', '\ude00', ',', '"'), maxLength: 4 }),
    instant,
    instant.map((at) => at.toISOString()),
    fc.constant(new Date(Number.NaN)),
    fc.uint8Array({ maxLength: 3 }),
    fc.constantFrom<unknown>(
      new Blob(['a']),
      new Blob(['b']),
      new Blob(['a'], { type: 'text/plain' }),
      new Uint16Array([1]),
      new Uint8Array([1, 0]),
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3 }),
    fc.array(tie('value'), { maxLength: 2 }).map((members) => new Set(members)),
    fc
      .array(fc.tuple(fc.constantFrom<unknown>('k', 1, null), tie('value')), { maxLength: 2 })
      .map((pairs) => new Map(pairs)),
  ),
})).value

export const row: fc.Arbitrary<Record<string, unknown>> = fc.dictionary(name, value, { maxKeys: 4 })

/** The same value in other clothes: nothing of it may count. */
export function disguise(value: unknown, turn: () => number): unknown {
  if (value instanceof Date)
    return turn() % 2 && !Number.isNaN(+value) ? value.toISOString() : value
  if (value === null || value === undefined) return turn() % 2 ? null : undefined
  if (Object.is(value, 0) || Object.is(value, -0)) return turn() % 2 ? 0 : -0
  if (Array.isArray(value)) return value.map((one) => disguise(one, turn))
  if (Object.prototype.toString.call(value) !== '[object Object]') return value
  const fields = Object.entries(value as object).map(
    ([name, one]) => [name, disguise(one, turn)] as const,
  )
  if (turn() % 2) fields.reverse()
  const kept = fields.filter(([, one]) => (one !== null && one !== undefined) || turn() % 2)
  return Object.fromEntries(kept)
}
