import type { Core } from './core.js'

type Life = Pick<Core<never>, 'platform' | 'signal'>

const LOAD_AGAIN_MS = 60_000

/** Runs once after `ms`, unless the handle is closed before. Nothing is left of it then. */
export function later({ platform, signal }: Life, ms: number, run: () => void): void {
  if (signal.aborted) return
  const cancel = platform.setTimer(() => {
    signal.removeEventListener('abort', cancel)
    run()
  }, ms)
  signal.addEventListener('abort', cancel, { once: true })
}

/** Loads code; what can't be loaded now, as offline, is tried each minute until it can. */
export async function untilLoaded<Code>(life: Life, load: () => Promise<Code>): Promise<Code> {
  const wait = () => new Promise<void>((go) => later(life, LOAD_AGAIN_MS, go))
  return load().catch(() => wait().then(() => untilLoaded(life, load)))
}
