/** A way to tell upstream what happens in a page. */
export interface Peer {
  /** Takes one event; the mark is how it is known again. */
  capture(mark: string): void
  /** Sends at once what waits, where the peer can be asked to. */
  flush?(): Promise<unknown>
  /** Resolves once everything is on disk, where the peer keeps anything there. */
  persist?(): Promise<unknown>
}

/** What every event carries beside its mark: the size of a typical record. */
export const ATTRIBUTES: Readonly<Record<string, string | number | boolean>> = {
  'app.installation.id': '01J9ZQ4T4X2F7M3B1C5D6E7F8G',
  'graysync.engine': 'refactored',
  'graysync.arm': 'candidate',
  'graysync.stage': 'ten-percent',
  'graysync.rollout.version': 1_700_000_000_123,
  'graysync.acked': 12,
  'graysync.failed': 0,
  'graysync.pending': 3,
  'graysync.oldest.ms': 812.5,
  'graysync.visible': true,
}
