/** Runs `work` a number of times and answers the mean in nanoseconds. */
export type Sample = (times: number) => number | Promise<number>

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/**
 * Measures several things against each other: one short sample of each a round, each round begun by another, so that a machine
 * that slows down slows all of them. Answers the medians, in nanoseconds.
 */
export async function interleave(
  samples: readonly Sample[],
  o: { rounds: number; times: number; warmUp: number },
): Promise<number[]> {
  for (const sample of samples) await sample(o.warmUp)
  const taken: number[][] = samples.map(() => [])
  for (let round = 0; round < o.rounds; round++) {
    for (let turn = 0; turn < samples.length; turn++) {
      const at = (round + turn) % samples.length
      taken[at]?.push((await samples[at]?.(o.times)) ?? Number.NaN)
    }
  }
  return taken.map(median)
}

export function sampleOf(work: () => void): Sample {
  return (times) => {
    const begin = process.hrtime.bigint()
    for (let at = 0; at < times; at++) work()
    return Number(process.hrtime.bigint() - begin) / times
  }
}

export function sampleOfAsync(work: () => unknown): Sample {
  return async (times) => {
    const begin = process.hrtime.bigint()
    for (let at = 0; at < times; at++) await work()
    return Number(process.hrtime.bigint() - begin) / times
  }
}
