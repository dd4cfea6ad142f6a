import { GraySyncError } from '../model/errors.js'
import type { EngineName, Settled } from '../model/operation.js'
import type { Platform } from '../model/platform.js'

/** The promises of this tab's operations: each settles once, none rejects. */
export interface Settlements {
  wait(opId: string): Waiting
  has(opId: string): boolean
  /** All that somebody waits for. */
  opIds(): string[]
  /** `acceptedAt` counts where nobody here saw the operation being accepted. */
  acked(opId: string, by: EngineName, acceptedAt?: number): Settled
  died(opId: string, cause: unknown): Settled & { status: 'dead' }
  /** Nobody here will learn the end any more. */
  deferAll(): void
}

export interface Waiting {
  settled: Promise<Settled>
  /** Takes back a promise that nobody was given. */
  drop(): void
}

interface Waiter {
  since: number
  settle(settled: Settled): void
}

export function createSettlements(platform: Platform): Settlements {
  const waiters = new Map<string, Waiter[]>()
  const end = <S extends Settled>(opId: string, make: (since: number | undefined) => S): S => {
    const waiting = waiters.get(opId) ?? []
    waiters.delete(opId)
    const settled = make(waiting[0]?.since)
    for (const waiter of waiting) waiter.settle(settled)
    return settled
  }
  return {
    wait(opId) {
      let settle = (_: Settled) => {}
      const settled = new Promise<Settled>((resolve) => {
        settle = resolve
      })
      const waiter = { since: platform.monotonic(), settle }
      waiters.set(opId, [...(waiters.get(opId) ?? []), waiter])
      const drop = () => {
        const rest = waiters.get(opId)?.filter((other) => other !== waiter) ?? []
        if (rest.length > 0) waiters.set(opId, rest)
        else waiters.delete(opId)
      }
      return { settled, drop }
    },
    has: (opId) => waiters.has(opId),
    opIds: () => [...waiters.keys()],
    acked: (opId, by, acceptedAt = platform.now()) =>
      end(opId, (since) => ({
        status: 'acked',
        by,
        durationMs:
          since === undefined
            ? Math.max(platform.now() - acceptedAt, 0)
            : platform.monotonic() - since,
      })),
    died: (opId, cause) => {
      const message = `operation ${opId}: ${cause instanceof Error ? cause.message : String(cause)}`
      const error = new GraySyncError('ABORTED', message, { cause })
      return end(opId, () => ({ status: 'dead', error }))
    },
    deferAll() {
      for (const opId of [...waiters.keys()]) end(opId, () => ({ status: 'deferred' }))
    },
  }
}
