import { type ReactNode, type SyntheticEvent, useId, useLayoutEffect, useRef } from 'react'
import { Icon } from './icon.js'
import { useStrings } from './language.js'

/** A modal dialog of the browser's own: focus stays inside, Escape closes it. */
export function Dialog(o: {
  title: string
  testId: string
  /** The first field is what the user came for. */
  forWriting?: boolean
  onClose(): void
  children: ReactNode
}) {
  const strings = useStrings()
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  const { forWriting } = o
  // Before the browser removes it: only an open dialog that closes gives the focus back.
  useLayoutEffect(() => {
    const dialog = ref.current
    dialog?.showModal()
    if (forWriting) dialog?.querySelector<HTMLElement>('input, textarea')?.focus()
    return () => dialog?.close()
  }, [forWriting])
  const cancel = (event: SyntheticEvent) => {
    // The file picker of a field is cancelled by the same event.
    if (event.target !== event.currentTarget) return
    event.preventDefault()
    o.onClose()
  }
  return (
    <dialog ref={ref} aria-labelledby={id} data-testid={o.testId} onCancel={cancel}>
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
