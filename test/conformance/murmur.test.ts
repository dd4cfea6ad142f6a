import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { murmur3 } from '../../src/lib/murmur.js'

const file = join(import.meta.dirname, '../../../shared/conformance/murmur3-vectors.csv')
const present = existsSync(file)
if (!present) console.log(`skipped: the reference vectors are not at ${file}`)

test.skipIf(!present)('every published reference vector of murmur3_x86_32 holds', () => {
  const rows = readFileSync(file, 'utf8').trim().split('\n')
  const wrong = rows.filter((row) => {
    const [, seed, key, hash, bucket] = /^(\d+),(.*),(\d+),(\d+)$/.exec(row) ?? []
    const got = murmur3(key ?? '', Number(seed))
    return got !== Number(hash) || (got % 100) + 1 !== Number(bucket)
  })
  expect(wrong).toEqual([])
  expect(rows.length).toBeGreaterThan(1_000)
  console.log(`murmur3: ${rows.length} of ${rows.length} reference vectors`)
})
