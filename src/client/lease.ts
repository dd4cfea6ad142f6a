import { mintId } from '../lib/id.js'
import type { Operation } from '../model/operation.js'
import type { Held } from '../model/platform.js'
import { writeFact } from '../store/control.js'
import type { Core } from './core.js'
import { later } from './later.js'

/** The name of the lock. */
export const LEASE = 'graysync-writer'
const AGAIN_MS = 60_000

/** The right to run an engine, which one tab has at a time. */
export interface Lease {
  isHeld(): boolean
  /** Somebody has it, which is this tab if this tab was given it. */
  isKept(): Promise<boolean>
  /** Takes it if it is free; `false` when another tab has it. */
  take(): Promise<boolean>
  /** Stands in line for it. */
  await(): void
  /** Takes it from a tab that does nothing with it: a new term says whose it is. */
  steal(): void
  /** Shows, where it is held, that this tab lives: in the store, since a page that stands still can hear and not write. */
  show(): Promise<void>
  giveBack(): void
}

export interface LeaseOptions {
  onGained(): void
  /** Somebody else took it away. */
  onLost(): void
}

export function createLease<Op extends Operation>(
  { platform, report, stores, signal: life }: Core<Op>,
  o: LeaseOptions,
): Lease {
  /** Changes with every giving back: what was asked for before is no longer wanted. */
  let turn = new AbortController()
  let held: Held | null = null
  /** It can't be shown, which is told once. */
  let isMute = false

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

  const ask = (steal: boolean) => {
    const { signal } = turn
    platform.lock?.(LEASE, { signal, steal }).then(
      (granted) => {
        if (accept(granted, signal)) o.onGained()
      },
      (cause) => {
        if (signal.aborted) return
        report(cause)
        // Refused: it stands in line as before, or tries to later.
        if (steal) ask(false)
        else later({ platform, signal }, AGAIN_MS, () => ask(false))
      },
    )
  }

  const leaveLine = () => {
    turn.abort()
    turn = new AbortController()
  }

  const giveBack = () => {
    leaveLine()
    held?.release()
    held = null
  }
  // Whatever hangs as a handle is closed: the next one is to lead.
  life.addEventListener('abort', giveBack, { once: true })

  return {
    isHeld: () => held !== null,
    isKept: async () => (await platform.locks()).some((lock) => lock.name === LEASE && lock.isHeld),
    async take() {
      const { signal } = turn
      return accept((await platform.lock?.(LEASE, { signal, ifAvailable: true })) ?? null, signal)
    },
    // One request, held until it is granted: asking twice would make two leaders.
    await: () => ask(false),
    steal() {
      leaveLine()
      ask(true)
    },
    async show() {
      const pulse = mintId(platform.now(), platform.randomBytes(16))
      if (!held || !stores.control) return
      await writeFact(stores.control, 'pulse', pulse).then(
        () => {
          isMute = false
        },
        (cause) => {
          if (!isMute) report(cause)
          isMute = true
        },
      )
    },
    giveBack,
  }
}
