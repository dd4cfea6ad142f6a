import { createClient } from './client/client.js'
import { measureNoise, type Noise } from './flows/noise.js'
import type { GraySync, GraySyncOptions } from './model/handle.js'
import type { Operation } from './model/operation.js'
import type { Platform } from './model/platform.js'
import type { CompareRules, Source } from './model/source.js'

export type { Noise, NoisyPlace } from './flows/noise.js'
export type { Platform } from './model/platform.js'
export { checkEngine, type EngineCheck, type EngineCheckOptions } from './testing/contract.js'
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

/**
 * Compares an engine with itself: give the rows of two stores that the same engine filled from the same operations.
 * Whatever differs there is noise, which an audit against another engine would report as divergences; a rule that met
 * nothing is stale. Compare while nothing is written: nothing is waited for or looked at twice. Rejects with OPTION for
 * rules that can't be, with AUDIT where a source lacks a table, and with a source's own errors.
 *
 * @example
 * ```ts
 * import { cardEverythingRules, type Source } from 'graysync/sources'
 * import { findNoise } from 'graysync/testing'
 *
 * export async function checkRules(first: Source, second: Source): Promise<void> {
 *   const { quiet, places, idle } = await findNoise(first, second, cardEverythingRules)
 *   if (!quiet) console.error('rules to write or to mend:', places, idle)
 * }
 * ```
 */
export function findNoise(first: Source, second: Source, rules: CompareRules): Promise<Noise> {
  return measureNoise({ left: first, right: second, rules })
}
