import { type ReactNode, useEffect, useId, useRef } from 'react'
import { Icon } from './icon.js'
import { useStrings } from './language.js'

/** A modal dialog of the browser's own: focus stays inside, Escape closes it. */
export function Dialog(o: { title: string; testId: string; onClose(): void; children: ReactNode }) {
  const strings = useStrings()
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    <dialog ref={ref} aria-labelledby={id} data-testid={o.testId} onClose={o.onClose}>
      <header className="dialog-head">
        <h2 id={id}>{o.title}</h2>
        <button type="button" className="icon" aria-label={strings.close} onClick={o.onClose}>
          <Icon name="close" />
        </button>
      </header>
      {o.children}
    </dialog>
  )
}
