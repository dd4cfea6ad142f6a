import type { Observation } from '../engine/outcome.js'
import type { Watch, WatchOptions } from './watch.js'

/** Seen before what judges it was there; more than this is not waited for. */
const WAITING = 500

/** Takes what is seen. The code that judges it is loaded after the start, and missed by nobody. */
export function createObserver(o: WatchOptions): (observation: Observation) => void {
  const waiting: Observation[] = []
  let watch: Watch | null = null
  let isLoading = false
  const load = () => {
    if (isLoading) return
    isLoading = true
    import('./watch.js').then(
      ({ createWatch }) => {
        watch = createWatch(o)
        for (const observation of waiting.splice(0)) watch.see(observation)
      },
      () => {
        // A chunk that can't be loaded now may be there at the next sight.
        isLoading = false
      },
    )
  }
  return (observation) => {
    if (watch) return watch.see(observation)
    // Nothing was seen of an engine that this could be about.
    if (observation.kind === 'left' && !isLoading) return
    if (waiting.length < WAITING) waiting.push(observation)
    load()
  }
}
