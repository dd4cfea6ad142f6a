import type { Core } from './core.js'

/** Runs once after `ms`, unless the handle is closed before. Nothing is left of it then. */
export function later(
  { platform, signal }: Pick<Core<never>, 'platform' | 'signal'>,
  ms: number,
  run: () => void,
): void {
  if (signal.aborted) return
  const cancel = platform.setTimer(() => {
    signal.removeEventListener('abort', cancel)
    run()
  }, ms)
  signal.addEventListener('abort', cancel, { once: true })
}
