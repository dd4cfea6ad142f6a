import { mintId } from '../lib/id.js'
import { isMessage, PRESENT, ROLL_CALL, toPresence } from '../lib/roll-call.js'
import type { Held, Platform } from '../model/platform.js'

/** Shows the other tabs that this one has graysync, and of which build: a handover waits for those that don't. */
export interface Attendance {
  show(): void
  hide(): void
  /** Frozen: what it hears now it must not act on, since a write that it began would hold up every other tab. */
  isStill(): boolean
}

export function createAttendance(platform: Platform, signal: AbortSignal): Attendance {
  let turn = new AbortController()
  let held: Held | null = null
  let isStill = false
  const hide = () => {
    turn.abort()
    held?.release()
    held = null
  }
  platform.worker?.onAsk((message) => (isMessage(message, ROLL_CALL) ? PRESENT : null), signal)
  platform.onLife((life) => {
    if (life === 'freeze' || life === 'resume') isStill = life === 'freeze'
  }, signal)
  signal.addEventListener('abort', hide, { once: true })
  return {
    show() {
      hide()
      turn = new AbortController()
      const mine = turn.signal
      const name = toPresence(mintId(platform.now(), platform.randomBytes(16)))
      platform.lock?.(name, { signal: mine }).then(
        (granted) => {
          if (mine.aborted) granted?.release()
          else held = granted
        },
        // Without it this tab looks like one of an older build, which costs a handover some time.
        () => undefined,
      )
    },
    hide,
    isStill: () => isStill,
  }
}
