import { describe, expect, test } from 'vitest'
import { compareSemver, parseSemver, type Semver } from '../../src/lib/semver.js'

function read(text: string): Semver {
  const version = parseSemver(text)
  if (!version) throw new Error(`${text} is no version`)
  return version
}

/** In order, as the standard gives it, with numbers beyond a double. */
const ASCENDING = [
  '0.0.0-0',
  '0.0.0',
  '0.9.10',
  '1.0.0-0',
  '1.0.0-9',
  '1.0.0-10',
  '1.0.0-99999999999999999998',
  '1.0.0-99999999999999999999',
  '1.0.0-alpha',
  '1.0.0-alpha.1',
  '1.0.0-alpha.1.0',
  '1.0.0-alpha.beta',
  '1.0.0-beta',
  '1.0.0-beta.2',
  '1.0.0-beta.11',
  '1.0.0-rc.1',
  '1.0.0',
  '1.2.3',
  '1.10.0',
  '2.0.0',
  '10.0.0',
  '99999999999999999999.0.0',
]

describe('versions', () => {
  test('compare by precedence, every one with every other', () => {
    for (const [i, a] of ASCENDING.entries()) {
      for (const [j, b] of ASCENDING.entries()) {
        expect(Math.sign(compareSemver(read(a), read(b))), `${a} and ${b}`).toBe(Math.sign(i - j))
      }
    }
  })

  test('are equal whatever their build', () => {
    expect(compareSemver(read('1.0.0+1'), read('1.0.0+exp.sha-5'))).toBe(0)
  })

  test.each([
    '',
    '1',
    '1.2',
    'v1.2.3',
    ' 1.2.3',
    '1.2.3.4',
    '01.2.3',
    '1.2.3-',
    '1.2.3-01',
    '1.2.3+',
    '1.2.3-a..b',
    '1.2.x',
  ])('%j is none', (text) => {
    expect(parseSemver(text)).toBeNull()
  })
})
