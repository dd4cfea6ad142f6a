import type { World } from '../../src/testing.js'

/** Lets the world's clock run until `promise` settles. */
export async function passTime<T>(world: World, promise: Promise<T>): Promise<T> {
  const state = { isOver: false }
  const over = () => {
    state.isOver = true
  }
  promise.then(over, over)
  while (!state.isOver) {
    world.advance(60_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return promise
}
