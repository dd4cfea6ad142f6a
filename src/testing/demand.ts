import type { Tier } from '../model/engine.js'
import { GraySyncError } from '../model/errors.js'
import { withinTime } from '../platform/bound.js'
import { setTimer } from '../platform/platform.js'

/** Does the work within its time; `false` and noted when it rejects. */
export type Check = (member: string, raisesTo: Tier, work: () => Promise<void>) => Promise<boolean>

export function createChecks(timeoutMs: number): {
  check: Check
  missing: { member: string; raisesTo: Tier; why: string }[]
} {
  const missing: { member: string; raisesTo: Tier; why: string }[] = []
  const check: Check = async (member, raisesTo, work) => {
    const late = () => new GraySyncError('ENGINE_TIMEOUT', `no answer within ${timeoutMs} ms`)
    try {
      await withinTime({ setTimer }, timeoutMs, work(), late)
      return true
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      missing.push({ member, raisesTo, why })
      return false
    }
  }
  return { check, missing }
}

export function demand(claim: unknown, why: string): asserts claim {
  if (!claim) throw new Error(why)
}

export function toText(value: unknown): string {
  return JSON.stringify(value) ?? String(value)
}
