import { chiSquareTail } from './chi-square.js'

/** How well a sample mirrors the population it was drawn from, by the counts of their strata. */
export interface Fit {
  /** Pearson's statistic, strata with less than 5 expected merged into one. */
  chiSquare: number
  df: number
  /** The chance of a fit no better than this in a random sample. */
  p: number
  /** Strength of the difference, 0 to 1, whatever the size. */
  cramersV: number
  /** Population stability index; its noise is about `df / n`. */
  psi: number
  /** The chance of an index no smaller than this in a random sample. */
  psiP: number
}

const LEAST_EXPECTED = 5

/** Holds the strata of a sample against the strata of the population, index by index. */
export function fitStrata(sample: readonly number[], population: readonly number[]): Fit {
  const n = sum(sample)
  const total = sum(population)
  const cells = mergeSmall(
    population
      .map((size, at) => ({ seen: sample[at] ?? 0, share: total ? size / total : 0 }))
      .filter(({ share }) => share > 0),
    n,
  )
  const df = Math.max(cells.length - 1, 0)
  const chiSquare = sum(cells.map(({ seen, share }) => (seen - n * share) ** 2 / (n * share || 1)))
  const psi = sum(cells.map(({ seen, share }) => indexOf(seen, share, n, cells.length)))
  return {
    chiSquare,
    df,
    p: chiSquareTail(chiSquare, df),
    cramersV: n && df ? Math.sqrt(chiSquare / (n * df)) : 0,
    psi,
    psiP: chiSquareTail(n * psi, df),
  }
}

interface Cell {
  seen: number
  share: number
}

/** Below five expected the distribution of the statistic is off: small strata count together. */
function mergeSmall(cells: readonly Cell[], n: number): Cell[] {
  const ordered = [...cells].sort((a, b) => a.share - b.share)
  const merged: Cell[] = []
  for (const cell of ordered) {
    const last = merged.at(-1)
    if (last && last.share * n < LEAST_EXPECTED) {
      last.seen += cell.seen
      last.share += cell.share
    } else merged.push({ ...cell })
  }
  return merged
}

// Half a subject more in each stratum keeps the logarithm finite where none was drawn.
function indexOf(seen: number, share: number, n: number, strata: number): number {
  const drawn = (seen + 0.5) / (n + strata / 2)
  return (drawn - share) * Math.log(drawn / share)
}

/** The distance of two means in standard deviations. */
export interface MeanDifference {
  /** Standardised mean difference, positive where the sample's mean is higher. */
  smd: number
  /** Half the width of its 95 % noise between two random groups of these sizes. */
  noise: number
}

/** Compares the mean of a number between a sample and the others, in units of their spread. */
export function compareMeans(sample: readonly number[], others: readonly number[]): MeanDifference {
  const a = momentsOf(sample)
  const b = momentsOf(others)
  const spread = Math.sqrt((a.variance + b.variance) / 2)
  return {
    smd: a.n && b.n && spread ? (a.mean - b.mean) / spread : 0,
    noise: a.n && b.n ? 1.96 * Math.sqrt(1 / a.n + 1 / b.n) : Number.POSITIVE_INFINITY,
  }
}

function momentsOf(values: readonly number[]): { n: number; mean: number; variance: number } {
  const n = values.length
  const mean = n ? sum(values) / n : 0
  const variance = n > 1 ? sum(values.map((value) => (value - mean) ** 2)) / (n - 1) : 0
  return { n, mean, variance }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
