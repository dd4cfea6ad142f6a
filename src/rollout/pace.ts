const FIRST_MS = 1_000
const FLOOR_MS = 250
const SPREAD = 0.2

/** How long until the next request: the interval stretched by up to a fifth, or after failures a backoff with full jitter. */
export function paceMs(o: { refreshMs: number; failures: number; random: number }): number {
  if (o.failures === 0) return o.refreshMs * (1 + SPREAD * o.random)
  const most = Math.min(o.refreshMs, FIRST_MS * 2 ** Math.min(o.failures, 30))
  return Math.max(FLOOR_MS, most * o.random)
}
