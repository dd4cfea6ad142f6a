import { useRegisterSW } from 'virtual:pwa-register/react'
import { useStrings } from './language.js'

/** Tells that a new build waits; it takes over when the user says so. */
export function Update() {
  const strings = useStrings()
  const {
    needRefresh: [isWaiting],
    updateServiceWorker,
  } = useRegisterSW()
  if (!isWaiting) return null
  return (
    <p className="notice ask" role="status" data-testid="update">
      {strings.newVersion}
      <button type="button" onClick={() => void updateServiceWorker(true)}>
        {strings.update}
      </button>
    </p>
  )
}
