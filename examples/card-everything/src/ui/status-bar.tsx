import type { Snapshot } from 'graysync'
import { useSyncExternalStore } from 'react'
import { useGray } from './gray.js'
import { useStrings } from './language.js'
import type { Strings } from './strings.js'

function subscribeOnline(listener: () => void): () => void {
  addEventListener('online', listener)
  addEventListener('offline', listener)
  return () => {
    removeEventListener('online', listener)
    removeEventListener('offline', listener)
  }
}

function nameEngine(snapshot: Snapshot, strings: Strings): string {
  switch (snapshot.phase) {
    case 'running':
      return snapshot.running ? strings.engine[snapshot.running] : strings.noEngine
    case 'handover':
      return strings.handingOver
    case 'halted':
      return strings.halted
    case 'idle':
    case 'starting':
    case 'closed':
      return strings.starting
  }
}

/** Which engine runs and why, what waits, and what to do. */
export function StatusBar() {
  const strings = useStrings()
  const snapshot = useGray((now) => now)
  const online = useSyncExternalStore(subscribeOnline, () => navigator.onLine)
  const { decision, pending, reload } = snapshot
  const blocked = snapshot.phase === 'running' ? snapshot.blocked : undefined
  return (
    <section className="status" aria-label={strings.syncStatus} data-testid="status">
      <p>
        <span
          className="engine"
          data-testid="engine"
          data-engine={snapshot.running ?? ''}
          data-reason={decision?.reason ?? ''}
          data-phase={snapshot.phase}
          data-role={snapshot.phase === 'running' ? snapshot.role : ''}
          data-tier={snapshot.guarantee.tier}
        >
          {nameEngine(snapshot, strings)}
        </span>
        <span className="why" data-testid="reason">
          {decision ? strings.reason[decision.reason] : ''}
        </span>
      </p>
      <p role="status">
        <span data-testid="pending" data-count={pending?.count ?? ''}>
          {pending && (pending.count > 0 ? strings.waiting(pending.count) : strings.allSent)}
        </span>
        <span className="link" data-testid="online" data-online={online}>
          {online ? strings.online : strings.offline}
        </span>
      </p>
      {blocked && (
        <p role="alert" data-testid="blocked" data-code={blocked.by}>
          {strings.blocked(blocked.fix)}
        </p>
      )}
      {snapshot.phase === 'halted' && (
        <p role="alert" data-testid="halted" data-code={snapshot.error.code}>
          {snapshot.error.message}
        </p>
      )}
      {reload !== 'none' && (
        <p className="reload" data-testid="reload-hint" data-reload={reload}>
          {reload === 'required' ? strings.reloadRequired : strings.reloadWanted}
          <button type="button" data-testid="reload" onClick={() => location.reload()}>
            {strings.reload}
          </button>
        </p>
      )}
    </section>
  )
}
