import type { Operation } from '../model/operation.js'
import type { Held } from '../model/platform.js'
import type { Core } from './core.js'

const NAME = 'graysync-writer'

/** The right to run an engine, which one tab has at a time. */
export interface Lease {
  isHeld(): boolean
  /** Takes it if it is free; `false` when another tab has it. */
  take(): Promise<boolean>
  /** Stands in line for it. */
  await(): void
  giveBack(): void
}

export interface LeaseOptions {
  onGained(): void
  /** Somebody else took it away. */
  onLost(): void
}

export function createLease<Op extends Operation>(
  { platform, report }: Core<Op>,
  o: LeaseOptions,
): Lease {
  /** Changes with every giving back: what was asked for before is no longer wanted. */
  let turn = new AbortController()
  let held: Held | null = null

  const accept = (granted: Held | null, wanted: AbortSignal): boolean => {
    if (wanted.aborted) granted?.release()
    if (!granted || wanted.aborted) return false
    held = granted
    granted.lost.then(() => {
      if (held !== granted) return
      held = null
      o.onLost()
    }, report)
    return true
  }

  return {
    isHeld: () => held !== null,
    async take() {
      const { signal } = turn
      return accept((await platform.lock?.(NAME, { signal, ifAvailable: true })) ?? null, signal)
    },
    // One request, held until it is granted: asking twice would make two leaders.
    await() {
      const { signal } = turn
      platform.lock?.(NAME, { signal }).then(
        (granted) => {
          if (accept(granted, signal)) o.onGained()
        },
        (cause) => {
          if (!signal.aborted) report(cause)
        },
      )
    },
    giveBack() {
      turn.abort()
      turn = new AbortController()
      held?.release()
      held = null
    },
  }
}
