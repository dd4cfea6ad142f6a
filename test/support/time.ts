import type { World } from '../../src/testing.js'

/** Lets the world's clock run until `promise` settles; in small steps where what is waited for has bounds of its own. */
export async function passTime<T>(
  world: World,
  promise: Promise<T>,
  stepMs: number = 60_000,
): Promise<T> {
  const state = { isOver: false }
  const over = () => {
    state.isOver = true
  }
  promise.then(over, over)
  while (!state.isOver) {
    world.advance(stepMs)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return promise
}
