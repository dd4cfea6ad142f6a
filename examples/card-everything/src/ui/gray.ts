import type { EngineName, Snapshot } from 'graysync'
import { useGraySync } from 'graysync/react'
import { useEffect } from 'react'
import { gray } from '../gray.js'
import { readEngine, writeEngine } from '../session.js'

/** A part of the snapshot, live. */
export function useGray<T>(select: (snapshot: Snapshot) => T): T {
  return useGraySync(gray, select)
}

/** The engine whose rows are shown: who owns the profile, and the old owner while it is handed over. */
export function useShownEngine(): EngineName {
  const owner = useGray((snapshot) =>
    snapshot.phase === 'handover' ? snapshot.from : snapshot.running,
  )
  useEffect(() => {
    if (owner) writeEngine(owner)
  }, [owner])
  return owner ?? readEngine()
}
