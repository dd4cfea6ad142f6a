/** Numbers from 0 to 1 that are the same for a seed (Mulberry32). */
export interface Random {
  (): number
  /** An integer below `bound`. */
  below(bound: number): number
  pick<T>(items: readonly T[]): T
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (bound: number) => Math.floor(next() * bound)
  return Object.assign(next, {
    below,
    pick: <T>(items: readonly T[]) => items[below(items.length)] as T,
  })
}
