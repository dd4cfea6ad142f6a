import type { GraySync, Snapshot } from '../../src/model/handle.js'
import type { RowOperation } from '../../src/testing.js'

/** Resolves with the first snapshot that satisfies `is`. */
export function awaitSnapshot(
  gray: GraySync<RowOperation>,
  is: (snapshot: Snapshot) => boolean,
): Promise<Snapshot> {
  return new Promise((resolve) => {
    const look = () => {
      const snapshot = gray.getSnapshot()
      if (!is(snapshot)) return
      off()
      resolve(snapshot)
    }
    const off = gray.subscribe(look)
    look()
  })
}
