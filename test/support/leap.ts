import type { Platform } from '../../src/model/platform.js'

interface Timer {
  at: number
  fire(): void
}

/** A platform whose time goes by as always, and leaps on demand: timers that fall due fire in order. */
export function leap(platform: Platform): { platform: Platform; advance(ms: number): void } {
  const timers = new Set<Timer>()
  let leapt = 0
  const monotonic = () => platform.monotonic() + leapt

  const setTimer: Platform['setTimer'] = (run, ms) => {
    const timer: Timer = {
      at: monotonic() + ms,
      fire() {
        cancel()
        run()
      },
    }
    const stop = platform.setTimer(() => timer.fire(), ms)
    const cancel = () => {
      stop()
      timers.delete(timer)
    }
    timers.add(timer)
    return cancel
  }

  return {
    platform: { ...platform, now: () => platform.now() + leapt, monotonic, setTimer },
    advance(ms) {
      leapt += ms
      const due = [...timers].filter((timer) => timer.at <= monotonic())
      for (const timer of due.sort((a, b) => a.at - b.at)) timer.fire()
    },
  }
}
