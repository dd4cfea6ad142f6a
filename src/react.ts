import { useRef, useSyncExternalStore } from 'react'
import type { GraySync, Snapshot } from './model/handle.js'
import type { Operation } from './model/operation.js'

/**
 * Reads a part of the handle's snapshot and renders again when that part changes. Make the handle
 * outside of components; neither start nor close it in an effect.
 *
 * @example
 * const running = useGraySync(gray, (snapshot) => snapshot.running)
 */
export function useGraySync<Op extends Operation, T>(
  gray: Pick<GraySync<Op>, 'subscribe' | 'getSnapshot'>,
  select: (snapshot: Snapshot) => T,
): T {
  const last = useRef<{ snapshot: Snapshot; select: typeof select; value: T } | null>(null)
  const read = () => {
    const snapshot = gray.getSnapshot()
    const known = last.current
    if (known?.snapshot === snapshot && known.select === select) return known.value
    const value = select(snapshot)
    last.current = { snapshot, select, value }
    return value
  }
  return useSyncExternalStore(gray.subscribe, read, read)
}
