/**
 * Upper edges in milliseconds; a last bucket takes the rest. The 200 is exact, so that "slower than 200 ms"
 * is counted and never estimated.
 */
export const LATENCY_EDGES = [
  5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1_200, 1_600, 3_200, 6_400, 12_800,
] as const

export type LatencyCounts = readonly number[]

export const NO_LATENCIES: LatencyCounts = Array.from({ length: LATENCY_EDGES.length + 1 }, () => 0)

export function countLatency(counts: LatencyCounts, ms: number): LatencyCounts {
  const found = LATENCY_EDGES.findIndex((edge) => ms <= edge)
  const bucket = found < 0 ? LATENCY_EDGES.length : found
  return counts.map((count, index) => (index === bucket ? count + 1 : count))
}

/** One attribute for each bucket that holds something, by its upper edge; not cumulative. */
export function toLatencyAttributes(counts: LatencyCounts): Record<string, number> {
  const edges = [...LATENCY_EDGES.map(String), 'inf']
  const named = counts.map((count, index) => [`graysync.le.${edges[index]}`, count] as const)
  return Object.fromEntries(named.filter(([, count]) => count > 0))
}
