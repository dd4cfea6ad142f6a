import type { ErrorCode } from './errors.js'
import type { EngineName } from './operation.js'

/** The other engine beside the one that owns the profile: with a store of its own, and without a right to write upstream. */
export interface Shadow {
  engine: EngineName
  /** `filling`: its store is made to hold the owner's rows. `off`: it was switched off until the next start, `because` says why. */
  state: 'filling' | 'running' | 'off'
  because?: ErrorCode
  /** Operations applied to its store. */
  applied: number
  /** Writes to the server and ends of operations that it tried: none of them got through. */
  refused: number
  /** Calls that threw or were not answered in time. */
  errors: number
  /** Planned requests beside those of the owner's engine, by operation; for engines that both give `plan`. */
  plans: { same: number; different: number }
  /** The last comparison of both stores; `null` before the first. */
  compared: ShadowComparison | null
}

/** The owner's rows held against the shadow's: a row is `missing` where the shadow lacks it. */
export interface ShadowComparison {
  /** Epoch ms. */
  at: number
  rows: number
  missing: number
  extra: number
  changed: number
  /** Where changed rows differ, as `table.path`; at most 20. */
  paths: readonly string[]
}
