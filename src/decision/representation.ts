import { compareMeans, type Fit, fitStrata, type MeanDifference } from '../lib/sample.js'
import type { Subject } from '../model/decision.js'

/** One value of an attribute: how many subjects have it, and how many of those get refactored. */
export interface Stratum {
  value: string
  subjects: number
  refactored: number
  /** `false`: at least 2 % of the subjects, yet less than 30 of them get refactored. */
  covered: boolean
}

/** How well the subjects on refactored stand for all subjects, in one attribute. */
export interface Representation {
  attribute: string
  /** `true` when chance alone would not explain the difference. */
  skewed: boolean
  /** The most frequent first; empty for numbers. */
  strata: readonly Stratum[]
  fit: Fit | null
  means: MeanDifference | null
}

const ALPHA = 0.01
const LARGE_SHARE = 0.02
const LEAST_COVERED = 30
const NOTABLE_SMD = 0.1

/** Looks at each attribute of the subjects; `drawn` says who gets refactored, in the same order. */
export function representationOf(
  subjects: readonly Subject[],
  drawn: readonly boolean[],
): readonly Representation[] {
  const names = new Set(subjects.flatMap(({ attributes }) => Object.keys(attributes ?? {})))
  return [...names].map((attribute) => {
    const values = subjects.map((subject) => subject.attributes?.[attribute])
    const numbers = values.flatMap((value, at) =>
      typeof value === 'number' ? [{ value, drawn: drawn[at] === true }] : [],
    )
    const present = values.filter((value) => value !== undefined && value !== null)
    return numbers.length === present.length
      ? representNumber(attribute, numbers)
      : representText(attribute, values, drawn, names.size)
  })
}

function representNumber(
  attribute: string,
  numbers: readonly { value: number; drawn: boolean }[],
): Representation {
  const means = compareMeans(
    numbers.flatMap(({ value, drawn }) => (drawn ? [value] : [])),
    numbers.flatMap(({ value, drawn }) => (drawn ? [] : [value])),
  )
  const skewed = Math.abs(means.smd) - means.noise > NOTABLE_SMD
  return { attribute, skewed, strata: [], fit: null, means }
}

function representText(
  attribute: string,
  values: readonly unknown[],
  drawn: readonly boolean[],
  attributes: number,
): Representation {
  const counts = new Map<string, { subjects: number; refactored: number }>()
  for (const [at, value] of values.entries()) {
    const key = Array.isArray(value) ? value.join(' ') : String(value ?? '(none)')
    const count = counts.get(key) ?? { subjects: 0, refactored: 0 }
    count.subjects += 1
    count.refactored += drawn[at] ? 1 : 0
    counts.set(key, count)
  }
  const strata = [...counts]
    .map(([value, count]) => ({ value, ...count, covered: isCovered(count, values.length) }))
    .sort((a, b) => b.subjects - a.subjects)
  const fit = fitStrata(
    strata.map(({ refactored }) => refactored),
    strata.map(({ subjects }) => subjects),
  )
  // One of many attributes always looks odd: the bar is shared by all of them.
  return { attribute, skewed: fit.p * attributes < ALPHA, strata, fit, means: null }
}

function isCovered(count: { subjects: number; refactored: number }, all: number): boolean {
  return count.subjects < all * LARGE_SHARE || count.refactored >= LEAST_COVERED
}
