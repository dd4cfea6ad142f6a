import { GraySyncError } from '../model/errors.js'
import type { EngineName, Settled } from '../model/operation.js'
import type { Platform } from '../model/platform.js'

/** The promises of this tab's operations: each settles once, none rejects. */
export interface Settlements {
  wait(opId: string): Promise<Settled>
  has(opId: string): boolean
  acked(opId: string, by: EngineName): Settled
  died(opId: string, cause: unknown): Settled
  /** Takes back a promise that nobody was given. */
  drop(opId: string): void
  /** Nobody here will learn the end any more. */
  deferAll(): void
}

interface Waiter {
  since: number
  settle(settled: Settled): void
}

export function createSettlements(platform: Platform): Settlements {
  const waiters = new Map<string, Waiter[]>()
  const end = (opId: string, make: (since: number) => Settled): Settled => {
    const waiting = waiters.get(opId) ?? []
    waiters.delete(opId)
    const settled = make(waiting[0]?.since ?? platform.monotonic())
    for (const waiter of waiting) waiter.settle(settled)
    return settled
  }
  return {
    wait: (opId) =>
      new Promise((settle) => {
        const before = waiters.get(opId) ?? []
        waiters.set(opId, [...before, { since: platform.monotonic(), settle }])
      }),
    has: (opId) => waiters.has(opId),
    acked: (opId, by) =>
      end(opId, (since) => ({ status: 'acked', by, durationMs: platform.monotonic() - since })),
    died: (opId, cause) => {
      const message = `operation ${opId}: ${cause instanceof Error ? cause.message : String(cause)}`
      return end(opId, () => ({
        status: 'dead',
        error: new GraySyncError('ABORTED', message, { cause }),
      }))
    },
    drop: (opId) => void waiters.delete(opId),
    deferAll() {
      for (const opId of [...waiters.keys()]) end(opId, () => ({ status: 'deferred' }))
    },
  }
}
