import { createClient } from './client/client.js'
import type { GraySync, GraySyncOptions } from './model/handle.js'
import type { Operation } from './model/operation.js'
import type { Platform } from './model/platform.js'

export type { Platform } from './model/platform.js'
export {
  createFakeEngine,
  type FakeDisk,
  type FakeEngine,
  type RowOperation,
} from './testing/engine.js'
export { createWorld, type Tab, type World, type WorldOptions } from './testing/world.js'

/**
 * Makes a handle on a platform that a test steers; everything else is the real thing.
 *
 * @example
 * const world = createWorld()
 * const gray = createTestClient({ app: { name: 'test', version: '1' } }, world.tab())
 */
export function createTestClient<Op extends Operation>(
  options: GraySyncOptions<Op>,
  platform: Platform,
): GraySync<Op> {
  return createClient(options, platform)
}
